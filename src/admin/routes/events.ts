/**
 * The session event log as a stream: JSON lines, or server-sent events for a browser. A reader that is slow holds
 * its place in the log, not memory.
 */
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import type { ClientId, TenantId } from '../../tenancy/identity.ts';
import type { AdminEvent, AdminPort, EventStart } from '../admin-port.ts';
import { ApiError, apiErrorSchema } from '../api-error.ts';
import { event, eventsQuery } from '../api-schemas.ts';
import { MOMENT_FORMS, momentOf, parseMoment } from '../moment.ts';

/** Tails at a time; each reads the log for itself. */
export const EVENT_TAILS_MAX = 16;

/** How long a closing server lets readers take the end of their stream. */
const FAREWELL_MS = 500;

interface EventsQuery {
  readonly tenant?: TenantId;
  readonly client?: ClientId;
  readonly since: string;
  readonly until?: string;
  readonly follow: boolean;
}

interface StreamFormat {
  readonly mediaType: string;
  /** Sent at once, so that the reader has an answer before anything happens. */
  readonly greeting: string;
  encode(event: AdminEvent): string;
}

const JSON_LINES: StreamFormat = {
  mediaType: 'application/x-ndjson',
  greeting: '\n',
  encode: (each) => `${JSON.stringify(each)}\n`,
};

const SERVER_SENT_EVENTS: StreamFormat = {
  mediaType: 'text/event-stream',
  greeting: ': tail\n\n',
  encode: (each) => `id: ${each.cursor}\ndata: ${JSON.stringify(each)}\n\n`,
};

export function registerEventRoutes(app: FastifyInstance, port: AdminPort, nowMs: () => number): void {
  const tails = new Map<AbortController, Promise<void>>();
  app.addHook('preClose', async () => {
    for (const tail of tails.keys()) tail.abort();
    await Promise.race([Promise.all(tails.values()), delay(FAREWELL_MS, undefined, { ref: false })]);
  });

  app.get<{ Querystring: EventsQuery }>(
    '/api/v1/events',
    {
      schema: {
        summary: 'Read the session event log, and follow it; JSON lines, or server-sent events if accepted',
        querystring: eventsQuery,
        produces: JSON_LINES.mediaType,
        response: { 200: event, 410: apiErrorSchema, 503: apiErrorSchema },
      },
    },
    (request, reply) => {
      const { tenant, client, until, follow } = request.query;
      const since = startOf(request.query.since, port, nowMs());
      const untilMs = until === undefined ? undefined : momentOf('until', until, nowMs());
      if (follow && untilMs !== undefined)
        throw new ApiError('BAD_REQUEST', 'follow never comes to an until', 'Leave one of them out');
      if (tails.size >= EVENT_TAILS_MAX)
        throw new ApiError('TOO_MANY_TAILS', `${EVENT_TAILS_MAX} tails are open`, 'End one of them first');
      const tail = new AbortController();
      // Also when the reader leaves while nothing happens: the tail is waiting for an event then.
      const closed = new Promise<void>((resolve) => {
        reply.raw.once('close', () => {
          tails.delete(tail);
          tail.abort();
          resolve();
        });
      });
      tails.set(tail, closed);
      const wantsBrowserStream = request.headers.accept?.includes(SERVER_SENT_EVENTS.mediaType) === true;
      const format = wantsBrowserStream ? SERVER_SENT_EVENTS : JSON_LINES;
      const events = port.tailEvents({ tenant, clientId: client, since, untilMs, follow }, tail.signal);
      return reply
        .type(format.mediaType)
        .header('cache-control', 'no-store')
        .send(Readable.from(encoded(events, format)));
    },
  );
}

function startOf(since: string, port: AdminPort, nowMs: number): EventStart {
  if (since === 'start' || since === 'now') return since;
  if (port.isEventCursor(since)) return { cursor: since };
  const timeMs = parseMoment(since, nowMs);
  if (timeMs === undefined)
    throw new ApiError(
      'BAD_REQUEST',
      `since is ${JSON.stringify(since)}`,
      `Use start, now, the cursor of an event, or a moment: ${MOMENT_FORMS}`,
    );
  port.checkEventTime(timeMs);
  return { timeMs };
}

async function* encoded(events: AsyncIterable<AdminEvent>, format: StreamFormat): AsyncGenerator<string> {
  yield format.greeting;
  for await (const each of events) yield format.encode(each);
}
