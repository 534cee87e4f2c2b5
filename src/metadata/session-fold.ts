/**
 * The fold of the session log into its snapshot, with the broker's own `evolve`: a record that does not count for a broker makes no
 * row. Keeps only what decides that, packed: of a session who owns it or did last, of a subscription whose session it is.
 */
import type { LogEntry, Offset } from '../event-log/event-log.ts';
import { decodeSessionEvent } from '../event-log/session-event-codec.ts';
import { UndecodableRecordError } from '../event-log/undecodable-record-error.ts';
import type { SessionEvent } from '../session/events.ts';
import {
  evolveSession,
  evolveSubscription,
  type SessionRecord,
  type SubscriptionRecord,
} from '../session/evolve.ts';
import { OwnerTable } from './owner-table.ts';
import type { SnapshotFold } from './snapshot-fold.ts';
import type { SnapshotRow } from './snapshot-store.ts';
import { SubscriptionTable } from './subscription-table.ts';

/** Before every record: see `takesSubscription`. */
const BEFORE_ALL = -1 as Offset;

interface PartitionState {
  readonly owners: OwnerTable;
  readonly subscriptions: SubscriptionTable;
}

export class SessionFold implements SnapshotFold {
  readonly needsSeed = true;
  /** Records that were taken as they are because this release cannot read them. */
  undecodable = 0;
  /** Records that made no row: late ones, and such as the snapshot has already. */
  ignored = 0;
  readonly #partitions = new Map<number, PartitionState>();

  /** Sessions kept in mind, over all partitions. */
  get sessions(): number {
    let sessions = 0;
    for (const { owners } of this.#partitions.values()) sessions += owners.size;
    return sessions;
  }

  seed(rows: readonly SnapshotRow[]): void {
    for (const row of rows) this.#takes(row);
  }

  fold(entries: readonly LogEntry[]): readonly SnapshotRow[] {
    return entries.filter((entry) => {
      const takes = this.#takes(entry);
      if (!takes) this.ignored++;
      return takes;
    });
  }

  release(partition: number): void {
    this.#partitions.delete(partition);
  }

  /** Whether the record counts; if so, it is the state of its key from here on. */
  #takes(entry: SnapshotRow): boolean {
    const state = this.#stateOf(entry.partition);
    const event = this.#decode(entry);
    if (event === undefined) {
      // A newer release wrote it, and what brokers of that release need must not be missing from the snapshot.
      state.owners.delete(entry.key);
      state.subscriptions.delete(entry.key);
      return true;
    }
    return event.type === 'Subscribed' || event.type === 'Unsubscribed'
      ? takesSubscription(state, entry.key, event)
      : takesSession(state, entry, event);
  }

  #stateOf(partition: number): PartitionState {
    let state = this.#partitions.get(partition);
    if (state === undefined) {
      state = { owners: new OwnerTable(), subscriptions: new SubscriptionTable() };
      this.#partitions.set(partition, state);
    }
    return state;
  }

  #decode(entry: SnapshotRow): SessionEvent | undefined {
    try {
      return decodeSessionEvent(entry);
    } catch (error) {
      if (!(error instanceof UndecodableRecordError)) throw error;
      this.undecodable++;
      return undefined;
    }
  }
}

function takesSession(
  { owners }: PartitionState,
  { key, offset }: SnapshotRow,
  event: SessionRecord,
): boolean {
  const current = owners.get(key);
  const next = evolveSession(current, event, offset);
  if (current !== undefined && next === current) return false;
  if (next === undefined) owners.delete(key);
  else owners.set(key, next);
  return true;
}

/**
 * Its offset is not kept. Where the snapshot is ahead of the records, what they decide is older than its row, which stays; and the
 * record of that row, which always counts, puts things right.
 */
function takesSubscription(
  { subscriptions }: PartitionState,
  key: string,
  event: SubscriptionRecord,
): boolean {
  const sessionId = subscriptions.get(key);
  const current = sessionId === undefined ? undefined : { value: { sessionId }, offset: BEFORE_ALL };
  const next = evolveSubscription(current, event, 0 as Offset);
  if (current !== undefined && next === current) return false;
  if (next === undefined) subscriptions.delete(key);
  else subscriptions.set(key, next.value.sessionId);
  return true;
}
