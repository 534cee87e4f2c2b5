/** The OpenAPI document, made from the routes as they are registered, so that it cannot differ from them. */
import type { FastifySchema, RouteOptions } from 'fastify';
import { apiErrorSchema } from './api-error.ts';
import { accessOf } from './route-access.ts';

declare module 'fastify' {
  interface FastifySchema {
    /** One line for OpenAPI; routes without one are not part of the document. */
    readonly summary?: string;
    /** Media type of the answer when it is not JSON. */
    readonly produces?: string;
    /** Answers also before the broker is ready. */
    readonly whileStarting?: boolean;
  }
}

type JsonObject = Readonly<Record<string, unknown>>;

/** What an answer of each status means; 2xx and 503 have schemas of their own, all others are errors. */
const MEANING: Readonly<Record<string, string>> = {
  200: 'Done.',
  400: 'The request is wrong.',
  401: 'The token is missing or wrong.',
  403: 'The token may not do that, or the Host header is none of this machine.',
  404: 'There is no such thing.',
  409: 'Not as things are now.',
  410: 'The log can no longer tell.',
  503: 'Not now: the broker is starting, has enough to do, or cannot put the change on the audit trail.',
  504: 'It took too long.',
};

export class OpenApiDocument {
  readonly #paths = new Map<string, Record<string, JsonObject>>();
  readonly #version: string;

  constructor(version: string) {
    this.#version = version;
  }

  /** For Fastify's `onRoute` hook. */
  add({ url, method, schema }: Pick<RouteOptions, 'url' | 'method' | 'schema'>): void {
    if (schema?.summary === undefined || Array.isArray(method)) return;
    const operations = this.#paths.get(url) ?? {};
    operations[String(method).toLowerCase()] = operation(url, String(method), schema);
    this.#paths.set(url, operations);
  }

  toJSON(): JsonObject {
    return {
      openapi: '3.1.0',
      info: {
        title: 'SpokeMQ admin API',
        version: this.#version,
        description: 'Sessions, queues and events of one broker.',
      },
      components: {
        securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
        schemas: { Error: apiErrorSchema },
      },
      paths: Object.fromEntries(this.#paths),
    };
  }
}

function operation(url: string, method: string, schema: FastifySchema): JsonObject {
  const needsToken = url.startsWith('/api/');
  const own = isObject(schema.response) ? schema.response : {};
  const waits = needsToken && schema.whileStarting !== true;
  const errors = [...(needsToken ? ['400', '401', '403'] : ['403']), ...(waits ? ['503'] : [])];
  const refusals = errors.map((status) => [status, response(status, { $ref: '#/components/schemas/Error' })]);
  return {
    summary: schema.summary,
    ...(needsToken ? { security: [{ token: [] }], ...accessOf(method, schema) } : {}),
    parameters: parametersOf(schema.querystring),
    ...(schema.body === undefined
      ? {}
      : { requestBody: { content: { 'application/json': { schema: schema.body } } } }),
    responses: Object.fromEntries([
      ...refusals,
      ...Object.entries(own).map(([status, body]) => [
        status,
        response(
          status,
          body === apiErrorSchema ? { $ref: '#/components/schemas/Error' } : body,
          schema.produces,
        ),
      ]),
    ]),
  };
}

function response(status: string, schema: unknown, mediaType = 'application/json'): JsonObject {
  const type = status === '200' ? mediaType : 'application/json';
  return { description: MEANING[status] ?? 'Answer.', content: { [type]: { schema } } };
}

function parametersOf(querystring: unknown): readonly JsonObject[] {
  if (!isObject(querystring) || !isObject(querystring['properties'])) return [];
  const required = Array.isArray(querystring['required']) ? querystring['required'] : [];
  return Object.entries(querystring['properties']).map(([name, schema]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    ...(isObject(schema) && typeof schema['description'] === 'string'
      ? { description: schema['description'] }
      : {}),
    schema,
  }));
}

function isObject(value: unknown): value is JsonObject {
  return value !== null && typeof value === 'object';
}
