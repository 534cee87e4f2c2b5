/** Sessions: list, show as they are and as they were, kick. */
import type { FastifyInstance } from 'fastify';
import type { ClientId, TenantId } from '../../tenancy/identity.ts';
import type { AdminPort, SessionQuery } from '../admin-port.ts';
import { ApiError, apiErrorSchema } from '../api-error.ts';
import {
  clientThen,
  kicked,
  kickQuery,
  oneClient,
  pastSession,
  sessionDetail,
  sessionPage,
  sessionsQuery,
} from '../api-schemas.ts';
import { momentOf } from '../moment.ts';

/** A client, as the query of a request names it. */
export interface OneClient {
  readonly tenant: TenantId;
  readonly client: ClientId;
}

type KickQuery = OneClient & { readonly discard: boolean };

export function noSession({ tenant, client }: OneClient): ApiError {
  return new ApiError(
    'NOT_FOUND',
    `client ${JSON.stringify(client)} of tenant "${tenant}" has no session here`,
    'See the list of sessions, or name another tenant',
  );
}

export function registerSessionRoutes(app: FastifyInstance, port: AdminPort, nowMs: () => number): void {
  app.get<{ Querystring: SessionQuery }>(
    '/api/v1/sessions',
    {
      schema: {
        summary: 'List sessions',
        scope: 'tenant',
        querystring: sessionsQuery,
        response: { 200: sessionPage },
      },
    },
    ({ query }) => port.listSessions(query),
  );

  app.get<{ Querystring: OneClient }>(
    '/api/v1/session',
    {
      schema: {
        summary: 'Show the session of one client',
        scope: 'tenant',
        querystring: oneClient,
        response: { 200: sessionDetail, 404: apiErrorSchema },
      },
    },
    async ({ query }) => {
      const session = await port.showSession(query.tenant, query.client);
      if (session === undefined) throw noSession(query);
      return session;
    },
  );

  app.get<{ Querystring: OneClient & { readonly at: string } }>(
    '/api/v1/session/past',
    {
      schema: {
        summary: 'Show the session of one client as it was at a moment, told from the event log',
        scope: 'tenant',
        querystring: clientThen,
        response: {
          200: pastSession,
          404: apiErrorSchema,
          410: apiErrorSchema,
          503: apiErrorSchema,
          504: apiErrorSchema,
        },
      },
    },
    ({ query }, reply) => {
      const atMs = momentOf('at', query.at, nowMs());
      const left = new AbortController();
      reply.raw.once('close', () => {
        left.abort();
      });
      return port.showSessionAt(query.tenant, query.client, atMs, left.signal);
    },
  );

  app.delete<{ Querystring: KickQuery }>(
    '/api/v1/session',
    {
      schema: {
        summary: 'Disconnect a client, and with `discard` end its session',
        scope: 'tenant',
        audit: ({ query }) => ((query as KickQuery).discard ? 'session.discard' : 'session.disconnect'),
        querystring: kickQuery,
        response: { 200: kicked, 404: apiErrorSchema, 409: apiErrorSchema },
      },
    },
    async ({ query }) => {
      const outcome = await port.kickSession(query.tenant, query.client, query.discard);
      if (outcome === 'unknown') throw noSession(query);
      if (outcome === 'notConnected' && !query.discard) {
        const message = `client ${JSON.stringify(query.client)} is not connected`;
        throw new ApiError('NOT_CONNECTED', message, 'Nothing to do, or end its session with discard=true');
      }
      return { kicked: outcome === 'kicked', discarded: query.discard };
    },
  );
}
