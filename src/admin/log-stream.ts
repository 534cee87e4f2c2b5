/**
 * Logs as answers: JSON lines, or server-sent events for a browser. The number of readers has a bound: each reads its log for itself.
 */
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { EventStart } from './admin-port.ts';
import { ApiError } from './api-error.ts';
import { MOMENT_FORMS, momentOf, parseMoment } from './moment.ts';

/** Readers at a time. */
export const STREAMS_MAX = 16;

/** How long a closing server lets readers take the end of their stream. */
const FAREWELL_MS = 500;

interface Streamed {
  /** As `since` it goes on behind this one. */
  readonly cursor: string;
}

interface StreamFormat {
  readonly mediaType: string;
  /** Sent at once, so that the reader has an answer before anything happens. */
  readonly greeting: string;
  encode(item: Streamed): string;
}

export const JSON_LINES: StreamFormat = {
  mediaType: 'application/x-ndjson',
  greeting: '\n',
  encode: (each) => `${JSON.stringify(each)}\n`,
};

const SERVER_SENT_EVENTS: StreamFormat = {
  mediaType: 'text/event-stream',
  greeting: ': tail\n\n',
  encode: (each) => `id: ${each.cursor}\ndata: ${JSON.stringify(each)}\n\n`,
};

export class LogStreams {
  readonly #open = new Map<AbortController, Promise<void>>();

  constructor(app: FastifyInstance) {
    app.addHook('preClose', async () => {
      for (const tail of this.#open.keys()) tail.abort();
      await Promise.race([Promise.all(this.#open.values()), delay(FAREWELL_MS, undefined, { ref: false })]);
    });
  }

  /** Throws an `ApiError` when there are too many. `read` is given the signal that ends it. */
  answer(
    request: FastifyRequest,
    reply: FastifyReply,
    read: (signal: AbortSignal) => AsyncIterable<Streamed>,
  ): FastifyReply {
    if (this.#open.size >= STREAMS_MAX)
      throw new ApiError('TOO_MANY_TAILS', `${STREAMS_MAX} tails are open`, 'End one of them first');
    const tail = new AbortController();
    // Also when the reader leaves while nothing happens: the tail is waiting for an event then.
    const closed = new Promise<void>((resolve) => {
      reply.raw.once('close', () => {
        this.#open.delete(tail);
        tail.abort();
        resolve();
      });
    });
    this.#open.set(tail, closed);
    const wantsBrowserStream = request.headers.accept?.includes(SERVER_SENT_EVENTS.mediaType) === true;
    const format = wantsBrowserStream ? SERVER_SENT_EVENTS : JSON_LINES;
    return reply
      .type(format.mediaType)
      .header('cache-control', 'no-store')
      .send(Readable.from(encoded(read(tail.signal), format)));
  }
}

interface SpanQuery {
  readonly since: string;
  readonly until?: string;
  readonly follow: boolean;
}

export interface Span {
  readonly since: EventStart;
  readonly untilMs: number | undefined;
  readonly follow: boolean;
}

/** Of a request. Throws an `ApiError`. */
export function spanOf(
  { since, until, follow }: SpanQuery,
  isCursor: (text: string) => boolean,
  nowMs: number,
): Span {
  const untilMs = until === undefined ? undefined : momentOf('until', until, nowMs);
  if (follow && untilMs !== undefined)
    throw new ApiError('BAD_REQUEST', 'follow never comes to an until', 'Leave one of them out');
  const start = startOf(since, isCursor, nowMs);
  if (untilMs !== undefined && typeof start === 'object' && 'timeMs' in start && untilMs < start.timeMs)
    throw new ApiError('BAD_REQUEST', 'until is before since', 'Exchange them');
  return { since: start, untilMs, follow };
}

function startOf(since: string, isCursor: (text: string) => boolean, nowMs: number): EventStart {
  if (since === 'start' || since === 'now') return since;
  if (isCursor(since)) return { cursor: since };
  const timeMs = parseMoment(since, nowMs);
  if (timeMs !== undefined) return { timeMs };
  throw new ApiError(
    'BAD_REQUEST',
    `since is ${JSON.stringify(since)}`,
    `Use start, now, the cursor of an event, or a moment: ${MOMENT_FORMS}`,
  );
}

async function* encoded(items: AsyncIterable<Streamed>, format: StreamFormat): AsyncGenerator<string> {
  yield format.greeting;
  for await (const each of items) yield format.encode(each);
}
