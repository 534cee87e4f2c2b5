/**
 * Sessions that expired while no broker was there to end them. The end is put on the log as a broker would do it; it counts only
 * if nobody has resumed the session meanwhile, and only the log read back says so.
 */
import type { EventLog, LogPosition, Offset } from '../../src/event-log/event-log.ts';
import { sessionKey } from '../../src/event-log/record-key.ts';
import { encodeSessionEvent } from '../../src/event-log/session-event-codec.ts';
import { decide, hasExpired } from '../../src/session/decide.ts';
import type { SessionEvent, SessionState, Subscription } from '../../src/session/events.ts';
import { lastOwner, type Versioned } from '../../src/session/evolve.ts';
import type { SessionFold } from '../fold/session-fold.ts';
import { witnessedSessions } from './log-witness.ts';

/** Ends in one call of the log. */
const ENDS_PER_APPEND = 500;
const SHARED = '$share/';

/** What the job has to do with a session. */
export type SessionVerdict =
  /** Connected, or it may still be resumed. */
  | 'keeps'
  | 'expired'
  /** Expired, but its end has effects that only a broker can have: a will, shared messages that go to others. */
  | 'brokers';

/** `filters`: of its subscriptions. `atMs`: now, less the grace that living brokers have. */
export function sessionVerdict(
  session: SessionState,
  filters: Iterable<string>,
  atMs: number,
): SessionVerdict {
  if (session.owner !== undefined || !hasExpired(session, atMs)) return 'keeps';
  // Without a last owner the end would count whoever has the session by then.
  if (session.will !== undefined || lastOwner(session) === undefined) return 'brokers';
  for (const filter of filters) if (filter.startsWith(SHARED)) return 'brokers';
  return 'expired';
}

export interface ExpiredSession {
  readonly session: SessionState;
  /** Of the record that says so. */
  readonly offset: Offset;
  /** Of its subscriptions. */
  readonly filters: readonly string[];
}

export function expiredSession(
  { value: session, offset }: Versioned<SessionState>,
  subscriptions: Iterable<Versioned<Subscription>>,
): ExpiredSession {
  const filters: string[] = [];
  for (const { value } of subscriptions)
    if (value.sessionId === session.sessionId) filters.push(value.filter);
  return { session, offset, filters };
}

/** Those of which the log up to `end` has the same latest record as the snapshot. */
export async function confirmedExpired(
  log: EventLog,
  partition: number,
  end: Offset,
  expired: readonly ExpiredSession[],
): Promise<readonly ExpiredSession[]> {
  if (expired.length === 0) return [];
  const offsets = new Map(expired.map(({ session, offset }) => [keyOf(session), offset]));
  const witnessed = await witnessedSessions(log, partition, end, (session) => offsets.has(keyOf(session)));
  return expired.filter(({ session, offset }) => witnessed.get(keyOf(session))?.offset === offset);
}

function keyOf({ tenant, clientId }: SessionState): string {
  return sessionKey(tenant, clientId);
}

/**
 * Ends sessions of the partition that `fold` is of. Yields, batch by batch, those that are no more: their queues are nobody's.
 * What is not yielded was resumed in time.
 */
export async function* endSessions(
  log: EventLog,
  fold: SessionFold,
  expired: readonly ExpiredSession[],
  nowMs: number,
): AsyncGenerator<readonly SessionState[], void, undefined> {
  for (let first = 0; first < expired.length; first += ENDS_PER_APPEND) {
    const batch = expired.slice(first, first + ENDS_PER_APPEND);
    const positions = await append(
      log,
      batch.flatMap(({ session }) => endOf(session)),
      nowMs,
    );
    await fold.readTo(behind(positions));
    const gone = batch.filter(({ session }) => !isThere(session, fold));
    // As brokers do, only when the end counts; a subscription that its client makes anew is of another session.
    await append(log, gone.flatMap(subscriptionsOf), nowMs);
    yield gone.map(({ session }) => session);
  }
}

function endOf(session: SessionState): readonly SessionEvent[] {
  return decide({ type: 'end', reason: 'expired' }, { session, filters: [] });
}

function subscriptionsOf({ session, filters }: ExpiredSession): readonly SessionEvent[] {
  const { tenant, clientId, sessionId } = session;
  return decide({ type: 'forget', tenant, clientId, sessionId }, { session: undefined, filters });
}

function isThere({ tenant, clientId, sessionId }: SessionState, fold: SessionFold): boolean {
  return fold.session(tenant, clientId)?.sessionId === sessionId;
}

async function append(
  log: EventLog,
  events: readonly SessionEvent[],
  nowMs: number,
): Promise<readonly LogPosition[]> {
  return events.length === 0 ? [] : await log.append(events.map((event) => encodeSessionEvent(event, nowMs)));
}

function behind(positions: readonly LogPosition[]): Offset {
  return positions.reduce((end, { offset }) => Math.max(end, offset + 1), 0) as Offset;
}
