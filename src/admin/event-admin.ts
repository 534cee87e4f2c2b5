/** The session event log for the admin API: read in order from a cursor or a time, then followed. */
import type { EventLog, LogEntry } from '../event-log/event-log.ts';
import { clientPartitionKey } from '../event-log/record-key.ts';
import { decodeSessionEvent } from '../event-log/session-event-codec.ts';
import { clientOf } from '../session/events.ts';
import type { SessionEvent, SessionOwner, SessionState } from '../session/events.ts';
import type { TenantId } from '../tenancy/identity.ts';
import type { AdminEvent, EventQuery } from './admin-port.ts';
import { decodedOrUndefined } from './decoded-record.ts';
import { LogReader } from './log-reader.ts';
import type { LogWindow } from './log-window.ts';

export class EventAdmin {
  readonly #log: EventLog;
  readonly #reader: LogReader;
  readonly #window: LogWindow;
  readonly #tenants: () => readonly TenantId[];

  /** `tenants`: whose clients may be meant when a query names a client and no tenant. */
  constructor(log: EventLog, window: LogWindow, tenants: () => readonly TenantId[]) {
    this.#log = log;
    this.#window = window;
    this.#tenants = tenants;
    this.#reader = new LogReader(log, (timeMs) => {
      this.checkEventTime(timeMs);
    });
  }

  isEventCursor(cursor: string): boolean {
    return this.#reader.isCursor(cursor);
  }

  checkEventTime(timeMs: number): void {
    this.#window.check(
      timeMs,
      (completeFrom) => `Ask for events since ${completeFrom} or later, or for what is left with since=start`,
    );
  }

  async *tailEvents(query: EventQuery, signal: AbortSignal): AsyncGenerator<AdminEvent, void, undefined> {
    const records = this.#reader.read(query, signal, this.#partitionsOf(query));
    for await (const { entry, cursor } of records) {
      const event = adminEvent(entry, cursor);
      if (event === undefined) continue;
      if (query.tenant !== undefined && query.tenant !== event.tenant) continue;
      if (query.clientId !== undefined && query.clientId !== event.clientId) continue;
      yield event;
    }
  }

  /** Those where the records of the client are; undefined: all. */
  #partitionsOf({ tenant, clientId }: EventQuery): readonly number[] | undefined {
    if (clientId === undefined) return undefined;
    const tenants = tenant === undefined ? this.#tenants() : [tenant];
    return [...new Set(tenants.map((each) => this.#log.partitionOf(clientPartitionKey(each, clientId))))];
  }
}

function adminEvent(entry: LogEntry, cursor: string): AdminEvent | undefined {
  const event = decodedOrUndefined(entry, decodeSessionEvent);
  if (event === undefined) return undefined;
  const { tenant, clientId } = clientOf(event);
  return {
    partition: entry.partition,
    offset: entry.offset,
    timestampMs: entry.timestampMs,
    event: event.type,
    tenant,
    clientId,
    detail: detailOf(event),
    cursor,
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
