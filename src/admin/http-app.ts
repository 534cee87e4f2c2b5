/** What every HTTP server of SpokeMQ has: bounds, host names that it is known by, and refusals that explain themselves in JSON. */
import fastify from 'fastify';
import type { FastifyError, FastifyInstance } from 'fastify';
import { checkHost } from './access.ts';
import { ApiError } from './api-error.ts';

/** Requests carry next to everything in their URL; a tenant's own quotas, all of them with large numbers, take a kilobyte. */
const BODY_BYTES_MAX = 4_096;
const REQUEST_TIMEOUT_MS = 10_000;
const CONNECTIONS_MAX = 256;

export interface HttpAppOptions {
  /** Names this machine is addressed by, besides `localhost` and addresses. */
  readonly allowedHosts: readonly string[];
  /** A request failed in a way no client is to blame for. */
  readonly onError: (error: unknown, request: string) => void;
}

export function httpApp(options: HttpAppOptions): FastifyInstance {
  const app = fastify({
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_TIMEOUT_MS,
    exposeHeadRoutes: false,
    forceCloseConnections: true,
    // A misspelt parameter is an error, not a filter that quietly does nothing.
    ajv: { customOptions: { removeAdditional: false, allErrors: true } },
  });
  app.server.maxConnections = CONNECTIONS_MAX;
  // Schemas of answers are documentation; they never hide a member.
  app.setSerializerCompiler(() => (value) => JSON.stringify(value));
  const names = new Set(options.allowedHosts.map((name) => name.toLowerCase()));
  app.addHook('onRequest', (request, _reply, done) => {
    checkHost(request.headers.host, names);
    done();
  });
  answerErrors(app, options);
  return app;
}

/** Resolves to the URL it answers at; `port` 0 lets the system choose. Rejects when the address is taken. */
export async function listenAt(app: FastifyInstance, host: string, port: number): Promise<string> {
  await app.listen({ host, port });
  const address = app.server.address();
  const bound = address === null || typeof address === 'string' ? port : address.port;
  return `http://${host.includes(':') ? `[${host}]` : host}:${bound}`;
}

function answerErrors(app: FastifyInstance, { onError }: HttpAppOptions): void {
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const refusal = refusalOf(error);
    if (refusal.code === 'INTERNAL') onError(error, `${request.method} ${request.url}`);
    return reply.code(refusal.status).send(refusal.body);
  });
  app.setNotFoundHandler((request, reply) => {
    const refusal = new ApiError(
      'NOT_FOUND',
      `there is no ${request.method} ${request.url}`,
      'See /openapi.json',
    );
    return reply.code(refusal.status).send(refusal.body);
  });
}

function refusalOf(error: FastifyError): ApiError {
  if (error instanceof ApiError) return error;
  if (error.statusCode !== undefined && error.statusCode < 500)
    return new ApiError('BAD_REQUEST', error.message, 'See /openapi.json for what this path takes', {
      cause: error,
    });
  return new ApiError('INTERNAL', error.message, 'See the log of the process', { cause: error });
}
