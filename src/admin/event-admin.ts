/** The session event log for the admin API: read in order from a cursor or a time, then followed. */
import { setImmediate as endOfTurn } from 'node:timers/promises';
import type { EventLog, LogEntry, LogFollower, Offset } from '../event-log/event-log.ts';
import { clientPartitionKey } from '../event-log/record-key.ts';
import { decodeSessionEvent } from '../event-log/session-event-codec.ts';
import { clientOf } from '../session/events.ts';
import type { SessionEvent, SessionOwner, SessionState } from '../session/events.ts';
import type { TenantId } from '../tenancy/identity.ts';
import type { AdminEvent, EventQuery, EventStart } from './admin-port.ts';
import type { LogWindow } from './log-window.ts';

/** Read at a time; the log gives fewer when they are large. */
const READ_RECORDS = 4_000;

interface Reading {
  readonly query: EventQuery;
  /** Per partition what comes next. */
  readonly next: Offset[];
  /** undefined: it ends only with `signal`. */
  readonly ends: readonly Offset[] | undefined;
  readonly signal: AbortSignal;
  /** Until the end has been reached once: what comes after that is not old. */
  catchingUp: boolean;
}

export class EventAdmin {
  readonly #log: EventLog;
  readonly #window: LogWindow;
  readonly #tenants: readonly TenantId[];

  /** `tenants`: whose clients may be meant when a query names a client and no tenant. */
  constructor(log: EventLog, window: LogWindow, tenants: readonly TenantId[]) {
    this.#log = log;
    this.#window = window;
    this.#tenants = tenants;
  }

  isEventCursor(cursor: string): boolean {
    return parseCursor(cursor, this.#log.partitionCount) !== undefined;
  }

  checkEventTime(timeMs: number): void {
    this.#window.check(
      timeMs,
      (completeFrom) => `Ask for events since ${completeFrom} or later, or for what is left with since=start`,
    );
  }

  async *tailEvents(query: EventQuery, signal: AbortSignal): AsyncGenerator<AdminEvent, void, undefined> {
    const next = await this.#startOf(query.since);
    if (next === undefined) return;
    const ends = query.follow ? undefined : await this.#log.endOffsets();
    const reading: Reading = { query, next, ends, signal, catchingUp: true };
    const partitions = this.#partitionsOf(query);
    const news = new News(signal);
    const follower: LogFollower | undefined = query.follow
      ? await this.#log.follow(await this.#log.endOffsets(), () => {
          news.arrived();
        })
      : undefined;
    try {
      do {
        for (const partition of partitions) yield* this.#rest(partition, reading);
        reading.catchingUp = false;
      } while (query.follow && (await news.wait()));
    } finally {
      await follower?.stop();
    }
  }

  /** Everything of one partition from `next` to its end; `next` moves along. */
  async *#rest(partition: number, reading: Reading): AsyncGenerator<AdminEvent, void, undefined> {
    const { query, next, ends, signal } = reading;
    const sinceMs = timeOf(query.since);
    // How far the reader has come: behind it, compaction may do what it likes.
    let reachedMs = sinceMs;
    while (!signal.aborted && (next[partition] ?? 0) < (ends?.[partition] ?? Infinity)) {
      const entries = await this.#log.read(partition, next[partition] ?? (0 as Offset), READ_RECORDS);
      if (reachedMs !== undefined && reading.catchingUp) this.checkEventTime(reachedMs);
      if (entries.length === 0) return;
      for (const entry of entries) {
        next[partition] = (entry.offset + 1) as Offset;
        if (sinceMs !== undefined) reachedMs = Math.max(sinceMs, entry.timestampMs);
        if (!isWithin(entry.timestampMs, sinceMs, query.untilMs)) continue;
        const event = adminEvent(entry, next);
        if (query.tenant !== undefined && query.tenant !== event.tenant) continue;
        if (query.clientId !== undefined && query.clientId !== event.clientId) continue;
        yield event;
      }
      await endOfTurn(); // The records may have come from memory, and clients wait for their turn.
    }
  }

  /** All, or those where the records of the client are. */
  #partitionsOf({ tenant, clientId }: EventQuery): readonly number[] {
    if (clientId === undefined) return Array.from({ length: this.#log.partitionCount }, (_, index) => index);
    const tenants = tenant === undefined ? this.#tenants : [tenant];
    return [...new Set(tenants.map((each) => this.#log.partitionOf(clientPartitionKey(each, clientId))))];
  }

  async #startOf(since: EventStart): Promise<Offset[] | undefined> {
    if (since === 'start') return [...(await this.#log.startOffsets())];
    if (since === 'now') return [...(await this.#log.endOffsets())];
    if ('timeMs' in since) return [...(await this.#log.offsetsAt(since.timeMs))];
    return parseCursor(since.cursor, this.#log.partitionCount);
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

function timeOf(since: EventStart): number | undefined {
  return typeof since === 'object' && 'timeMs' in since ? since.timeMs : undefined;
}

/** Times need not rise with the offsets: the first record that is too late does not end a list. */
function isWithin(timeMs: number, sinceMs = -Infinity, untilMs = Infinity): boolean {
  return sinceMs <= timeMs && timeMs <= untilMs;
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
  const { tenant, clientId } = clientOf(event);
  return {
    partition: entry.partition,
    offset: entry.offset,
    timestampMs: entry.timestampMs,
    event: event.type,
    tenant,
    clientId,
    detail: detailOf(event),
    cursor: cursorOf(next),
  };
}

function detailOf(event: SessionEvent): AdminEvent['detail'] {
  switch (event.type) {
    case 'SessionOpened':
      return { ...stateDetail(event.state), ...(event.restated === true ? { restated: true } : {}) };
    case 'SessionClosed':
      return stateDetail(event.state);
    case 'SessionEnded':
      return {
        reason: event.reason,
        ...(event.lastOwner === undefined ? {} : { lastOwner: ownerText(event.lastOwner) }),
      };
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
    ...(state.owner === undefined ? {} : { owner: ownerText(state.owner) }),
    ...(state.closedOwner === undefined
      ? {}
      : { closedOwner: ownerText(state.closedOwner), openedAtMs: state.openedAtMs }),
    ...(state.closeReason === undefined ? {} : { reason: state.closeReason }),
    ...(state.will === undefined ? {} : { willTopic: state.will.topic }),
  };
}

function ownerText({ incarnation, connection }: SessionOwner): string {
  return `${incarnation}/${connection}`;
}
