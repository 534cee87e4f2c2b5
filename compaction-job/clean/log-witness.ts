/**
 * Asks the whole log of a partition about sessions before something of theirs is removed for good: a snapshot that has lost or
 * missed a record must not cost messages. Read only when there is something to remove.
 */
import type { EventLog, Offset } from '../../src/event-log/event-log.ts';
import { isSessionKey } from '../../src/event-log/record-key.ts';
import { decodeSessionEvent } from '../../src/event-log/session-event-codec.ts';
import type { SessionState } from '../../src/session/events.ts';
import { logStretch } from '../fold/log-stretch.ts';

export interface WitnessedSession {
  readonly session: SessionState;
  readonly offset: Offset;
}

/**
 * By record key, the latest record of each client, if it has a state and that is of a session that is asked for. Rejects with
 * `UndecodableRecordError` when a session has a record that this release cannot decode: it may be of any.
 */
export async function witnessedSessions(
  log: EventLog,
  partition: number,
  end: Offset,
  isAskedFor: (session: SessionState) => boolean,
): Promise<ReadonlyMap<string, WitnessedSession>> {
  const witnessed = new Map<string, WitnessedSession>();
  for await (const entries of logStretch(log, partition, 0 as Offset, end)) {
    for (const entry of entries) {
      if (!isSessionKey(entry.key)) continue;
      const event = decodeSessionEvent(entry);
      const session = 'state' in event && isAskedFor(event.state) ? event.state : undefined;
      if (session === undefined) witnessed.delete(entry.key);
      else witnessed.set(entry.key, { session, offset: entry.offset });
    }
  }
  return witnessed;
}
