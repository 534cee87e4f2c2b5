/** The fold of the session log as a broker makes it, record by record, with nothing packed: what every other fold is compared with. */
import type { EventLog, LogEntry } from '../../src/event-log/event-log.ts';
import { decodeSessionEvent } from '../../src/event-log/session-event-codec.ts';
import { bootstrap } from '../../src/metadata/bootstrap.ts';
import type { SnapshotStore } from '../../src/metadata/snapshot-store.ts';
import { evolveSession, evolveSubscription, type Versioned } from '../../src/session/evolve.ts';
import type { SessionEvent, SessionState, Subscription } from '../../src/session/events.ts';
import { SimulatedTime } from './simulated-time.ts';

/** What is on record of each key, and the offset that says so. */
export type FoldedState = ReadonlyMap<string, Versioned<SessionState | Subscription>>;

export class ReferenceFold {
  readonly #state = new Map<string, Versioned<SessionState | Subscription>>();

  get state(): FoldedState {
    return this.#state;
  }

  /** Whether the record counted. Takes rows of a snapshot too. */
  apply({ key, offset, value, event }: Pick<LogEntry, 'key' | 'offset' | 'value' | 'event'>): boolean {
    const read = decodeSessionEvent({ key, value, event });
    const current = this.#state.get(key);
    const next =
      read.type === 'Subscribed' || read.type === 'Unsubscribed'
        ? evolveSubscription(current as Versioned<Subscription> | undefined, read, offset)
        : evolveSession(current as Versioned<SessionState> | undefined, read, offset);
    if (next === undefined) this.#state.delete(key);
    else this.#state.set(key, next);
    return current === undefined || next !== current;
  }
}

/** The record that states it again. */
export function statement(value: SessionState | Subscription): SessionEvent {
  if ('filter' in value) return { type: 'Subscribed', subscription: value };
  return { type: value.owner === undefined ? 'SessionClosed' : 'SessionOpened', state: value };
}

/** As a broker that starts would see it: snapshot, then tail. */
export async function foldFrom(log: EventLog, snapshot: SnapshotStore): Promise<FoldedState> {
  const fold = new ReferenceFold();
  const { follower } = await bootstrap({
    log,
    snapshot,
    clock: new SimulatedTime(),
    apply: (row) => void fold.apply(row),
  });
  await follower.stop();
  return fold.state;
}
