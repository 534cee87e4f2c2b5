/**
 * The admin API as an HTTP server. Knows the broker only as `AdminPort`; what it refuses, it explains in JSON.
 */
import fastify from 'fastify';
import type { FastifyError, FastifyInstance } from 'fastify';
import { checkHost, checkToken } from './access.ts';
import type { AdminPort } from './admin-port.ts';
import { ApiError } from './api-error.ts';
import { OpenApiDocument } from './openapi.ts';
import { registerEventRoutes } from './routes/events.ts';
import { registerObservationRoutes } from './routes/observation.ts';
import { registerQueueRoutes } from './routes/queues.ts';
import { registerSessionRoutes } from './routes/sessions.ts';

/** Requests carry everything in their URL. */
const BODY_BYTES_MAX = 1024;
const REQUEST_TIMEOUT_MS = 10_000;
const CONNECTIONS_MAX = 256;

export interface AdminServerOptions {
  readonly port: AdminPort;
  /** What requests below `/api` have to carry. */
  readonly token: string;
  /** Names this machine is addressed by, besides `localhost` and addresses. */
  readonly allowedHosts: readonly string[];
  readonly version: string;
  /** A request failed in a way no client is to blame for. */
  readonly onError: (error: unknown, request: string) => void;
}

export class AdminServer {
  /** For tests, which send requests without a socket. */
  readonly app: FastifyInstance;

  constructor(options: AdminServerOptions) {
    this.app = fastify({
      bodyLimit: BODY_BYTES_MAX,
      requestTimeout: REQUEST_TIMEOUT_MS,
      exposeHeadRoutes: false,
      forceCloseConnections: true,
      // A misspelt parameter is an error, not a filter that quietly does nothing.
      ajv: { customOptions: { removeAdditional: false, allErrors: true } },
    });
    this.app.server.maxConnections = CONNECTIONS_MAX;
    // Schemas of answers are documentation; they never hide a member.
    this.app.setSerializerCompiler(() => (value) => JSON.stringify(value));
    guard(this.app, options);
    answerErrors(this.app, options);
    const document = new OpenApiDocument(options.version);
    this.app.addHook('onRoute', (route) => {
      document.add(route);
    });
    registerObservationRoutes(this.app, options.port);
    registerSessionRoutes(this.app, options.port);
    registerQueueRoutes(this.app, options.port);
    registerEventRoutes(this.app, options.port);
    this.app.get('/openapi.json', () => document.toJSON());
  }

  /** Resolves to the URL it answers at; `port` 0 lets the system choose. Rejects when the address is taken. */
  async listen(host: string, port: number): Promise<string> {
    await this.app.listen({ host, port });
    const address = this.app.server.address();
    const bound = address === null || typeof address === 'string' ? port : address.port;
    return `http://${host.includes(':') ? `[${host}]` : host}:${bound}`;
  }

  /** Ends tails and other requests. */
  async close(): Promise<void> {
    await this.app.close();
  }
}

function guard(app: FastifyInstance, { allowedHosts, token }: AdminServerOptions): void {
  const names = new Set(allowedHosts.map((name) => name.toLowerCase()));
  app.addHook('onRequest', (request, _reply, done) => {
    checkHost(request.headers.host, names);
    if (request.url.startsWith('/api/')) checkToken(request.headers.authorization, token);
    done();
  });
}

function answerErrors(app: FastifyInstance, { onError }: AdminServerOptions): void {
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
  return new ApiError('INTERNAL', error.message, 'See the log of the broker', { cause: error });
}
