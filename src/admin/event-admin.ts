/** The session event log for the admin API: read in order from a cursor, then followed. */
import type { EventLog, LogEntry, LogFollower, Offset } from '../event-log/event-log.ts';
import { decodeSessionEvent } from '../event-log/session-event-codec.ts';
import type { SessionEvent, SessionState } from '../session/events.ts';
import type { ClientId, TenantId } from '../tenancy/identity.ts';
import type { AdminEvent, EventQuery } from './admin-port.ts';

const READ_RECORDS = 500;

export class EventAdmin {
  readonly #log: EventLog;

  constructor(log: EventLog) {
    this.#log = log;
  }

  isEventCursor(since: string): boolean {
    return since === 'start' || since === 'now' || parseCursor(since, this.#log.partitionCount) !== undefined;
  }

  async *tailEvents(query: EventQuery, signal: AbortSignal): AsyncGenerator<AdminEvent, void, undefined> {
    const next = await this.#startOf(query.since);
    if (next === undefined) return;
    const news = new News(signal);
    const follower: LogFollower | undefined = query.follow
      ? await this.#log.follow(await this.#log.endOffsets(), () => {
          news.arrived();
        })
      : undefined;
    try {
      do {
        for (let partition = 0; partition < next.length; partition++) {
          yield* this.#rest(partition, next, query, signal);
        }
      } while (query.follow && (await news.wait()));
    } finally {
      await follower?.stop();
    }
  }

  /** Everything of one partition from `next` to its end as it is now; `next` moves along. */
  async *#rest(
    partition: number,
    next: Offset[],
    query: EventQuery,
    signal: AbortSignal,
  ): AsyncGenerator<AdminEvent, void, undefined> {
    while (!signal.aborted) {
      const entries = await this.#log.read(partition, next[partition] ?? (0 as Offset), READ_RECORDS);
      if (entries.length === 0) return;
      for (const entry of entries) {
        next[partition] = (entry.offset + 1) as Offset;
        const event = adminEvent(entry, next);
        if (query.tenant !== undefined && query.tenant !== event.tenant) continue;
        if (query.clientId !== undefined && query.clientId !== event.clientId) continue;
        yield event;
      }
    }
  }

  async #startOf(since: string): Promise<Offset[] | undefined> {
    if (since === 'start') return [...(await this.#log.startOffsets())];
    if (since === 'now') return [...(await this.#log.endOffsets())];
    return parseCursor(since, this.#log.partitionCount);
  }
}

/** Wakes the reader when there is something new; remembers one wake-up while nobody waits. */
class News {
  readonly #signal: AbortSignal;
  #pending = false;
  #wake: (() => void) | undefined;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener('abort', () => {
      this.arrived();
    });
  }

  arrived(): void {
    this.#pending = true;
    this.#wake?.();
  }

  /** false: the reader is to stop. */
  async wait(): Promise<boolean> {
    if (!this.#pending && !this.#signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#pending = false;
    this.#wake = undefined;
    return !this.#signal.aborted;
  }
}

/** Next offset per partition, as text. */
function cursorOf(next: readonly Offset[]): string {
  return next.join('.');
}

function parseCursor(text: string, partitionCount: number): Offset[] | undefined {
  const offsets = text.split('.').map(Number);
  const valid =
    offsets.length === partitionCount && offsets.every((each) => Number.isSafeInteger(each) && each >= 0);
  return valid && text !== '' ? (offsets as Offset[]) : undefined;
}

function adminEvent(entry: LogEntry, next: readonly Offset[]): AdminEvent {
  const event = decodeSessionEvent(entry);
  return {
    partition: entry.partition,
    offset: entry.offset,
    timestampMs: entry.timestampMs,
    event: event.type,
    ...whose(event),
    detail: detailOf(event),
    cursor: cursorOf(next),
  };
}

function whose(event: SessionEvent): { readonly tenant: TenantId; readonly clientId: ClientId } {
  if (event.type === 'SessionOpened' || event.type === 'SessionClosed') return event.state;
  return event.type === 'Subscribed' ? event.subscription : event;
}

function detailOf(event: SessionEvent): AdminEvent['detail'] {
  switch (event.type) {
    case 'SessionOpened':
    case 'SessionClosed':
      return stateDetail(event.state);
    case 'SessionEnded':
      return { reason: event.reason };
    case 'Subscribed':
      return { filter: event.subscription.filter, qos: event.subscription.qos };
    case 'Unsubscribed':
      return { filter: event.filter };
  }
}

function stateDetail(state: SessionState): AdminEvent['detail'] {
  return {
    sessionId: state.sessionId,
    address: state.address,
    sessionExpiryS: state.sessionExpiryS,
    ...(state.owner === undefined ? {} : { owner: `${state.owner.incarnation}/${state.owner.connection}` }),
    ...(state.closeReason === undefined ? {} : { reason: state.closeReason }),
    ...(state.will === undefined ? {} : { willTopic: state.will.topic }),
  };
}
