/** What a session was at a moment, computed from a list of records in the plainest way: the reference for time travel. */
import type { LogEntry, LogRecord } from '../../src/event-log/event-log.ts';
import { clientPartitionKey } from '../../src/event-log/record-key.ts';
import { decodeSessionEvent } from '../../src/event-log/session-event-codec.ts';
import { evolveSession, evolveSubscription } from '../../src/session/evolve.ts';
import type { Versioned } from '../../src/session/evolve.ts';
import type { SessionState, Subscription } from '../../src/session/events.ts';
import type { ClientId, TenantId } from '../../src/tenancy/identity.ts';

export interface ExpectedPast {
  readonly session: SessionState;
  readonly offset: number;
  /** Filters in force. */
  readonly filters: readonly string[];
}

/** `entries`: every record ever written, by rising offset. undefined: no session then. */
export function pastOf(
  entries: readonly LogEntry[],
  tenant: TenantId,
  clientId: ClientId,
  atMs: number,
): ExpectedPast | undefined {
  let session: Versioned<SessionState> | undefined;
  const subscriptions = new Map<string, Versioned<Subscription> | undefined>();
  for (const entry of entries) {
    if (entry.timestampMs > atMs || entry.partitionKey !== clientPartitionKey(tenant, clientId)) continue;
    const event = decodeSessionEvent(entry);
    if (event.type === 'Subscribed' || event.type === 'Unsubscribed') {
      const { filter } = event.type === 'Subscribed' ? event.subscription : event;
      subscriptions.set(filter, evolveSubscription(subscriptions.get(filter), event, entry.offset));
    } else {
      session = evolveSession(session, event, entry.offset);
    }
  }
  if (session === undefined) return undefined;
  const { sessionId } = session.value;
  const filters = [...subscriptions.values()].flatMap((each) =>
    each?.value.sessionId === sessionId ? [each.value.filter] : [],
  );
  return { session: session.value, offset: session.offset, filters: filters.sort() };
}

/** The records at the positions that a log has given them. */
export function placed(
  records: readonly LogRecord[],
  positions: readonly Pick<LogEntry, 'partition' | 'offset'>[],
): LogEntry[] {
  return records.map((record, index) => ({ ...record, ...positions[index]! }));
}
