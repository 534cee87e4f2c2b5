/** The session event log as a stream. */
import type { FastifyInstance } from 'fastify';
import type { ClientId, TenantId } from '../../tenancy/identity.ts';
import type { AdminPort } from '../admin-port.ts';
import { apiErrorSchema } from '../api-error.ts';
import { event, eventsQuery } from '../api-schemas.ts';
import { JSON_LINES, spanOf, type LogStreams } from '../log-stream.ts';

interface EventsQuery {
  readonly tenant?: TenantId;
  readonly client?: ClientId;
  readonly since: string;
  readonly until?: string;
  readonly follow: boolean;
}

export function registerEventRoutes(
  app: FastifyInstance,
  port: AdminPort,
  nowMs: () => number,
  streams: LogStreams,
): void {
  app.get<{ Querystring: EventsQuery }>(
    '/api/v1/events',
    {
      schema: {
        summary: 'Read the session event log, and follow it; JSON lines, or server-sent events if accepted',
        scope: 'tenant',
        querystring: eventsQuery,
        produces: JSON_LINES.mediaType,
        response: { 200: event, 410: apiErrorSchema, 503: apiErrorSchema },
      },
    },
    (request, reply) => {
      const { tenant, client } = request.query;
      const span = spanOf(request.query, (text) => port.isEventCursor(text), nowMs());
      if (typeof span.since === 'object' && 'timeMs' in span.since) port.checkEventTime(span.since.timeMs);
      return streams.answer(request, reply, (signal) =>
        port.tailEvents({ tenant, clientId: client, ...span }, signal),
      );
    },
  );
}
