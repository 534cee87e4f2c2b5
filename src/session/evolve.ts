/**
 * The fold of the session log, key by key: `evolve(state, event) → state`, pure. State remembers the offset it
 * came from and ignores older records, so replaying from any earlier offset is harmless.
 */
import type { Offset } from '../event-log/event-log.ts';
import { brokerIdOf, startNumberOf } from '../tenancy/identity.ts';
import type { SessionEvent, SessionOwner, SessionState, Subscription } from './events.ts';

export interface Versioned<T> {
  readonly value: T;
  readonly offset: Offset;
}

export type SessionRecord = Extract<
  SessionEvent,
  { readonly type: 'SessionOpened' | 'SessionClosed' | 'SessionEnded' }
>;
export type SubscriptionRecord = Extract<SessionEvent, { readonly type: 'Subscribed' | 'Unsubscribed' }>;

/** What of a state decides whether a later record counts: a fold that needs nothing else keeps nothing else. */
export type Ownership = Pick<SessionState, 'owner' | 'closedOwner' | 'openedAtMs'>;

/** The very `current` when the record does not count. */
export function evolveSession<State extends Ownership = SessionState>(
  current: Versioned<State> | undefined,
  event: SessionRecord,
  offset: Offset,
): Versioned<State | SessionState> | undefined {
  if (current !== undefined && offset <= current.offset) return current;
  switch (event.type) {
    case 'SessionOpened': {
      const { owner, openedAtMs } = event.state;
      const isLate = event.restated === true && isOfAnother(current?.value, owner, openedAtMs);
      return isLate ? current : { value: event.state, offset };
    }
    case 'SessionClosed': {
      const { closedOwner, openedAtMs } = event.state;
      return isOfAnother(current?.value, closedOwner, openedAtMs) ? current : { value: event.state, offset };
    }
    case 'SessionEnded': {
      if (event.lastOwner === undefined) return undefined;
      return isOfAnother(current?.value, event.lastOwner, event.lastOpenedAtMs ?? 0) ? current : undefined;
    }
  }
}

/** The same of a subscription. */
export type Membership = Pick<Subscription, 'sessionId'>;

export function evolveSubscription<State extends Membership = Subscription>(
  current: Versioned<State> | undefined,
  event: SubscriptionRecord,
  offset: Offset,
): Versioned<State | Subscription> | undefined {
  if (current !== undefined && offset <= current.offset) return current;
  if (event.type === 'Subscribed') return { value: event.subscription, offset };
  // A late end of an earlier session must not take the subscription of the one that is.
  const isOfAnotherSession = event.sessionId !== undefined && event.sessionId !== current?.value.sessionId;
  return isOfAnotherSession ? current : undefined;
}

/**
 * Whether a record that closes, ends or states again what `owner` had comes too late: somebody else owns the session, or has owned and left
 * it since. Who was later is told by when their connections began, because the record of an opening may be compacted away.
 */
function isOfAnother(
  current: Ownership | undefined,
  owner: SessionOwner | undefined,
  openedAtMs: number,
): boolean {
  if (current === undefined) return false;
  if (current.owner !== undefined) return !sameOwner(current.owner, owner);
  if (sameOwner(current.closedOwner, owner)) return false;
  return openedAtMs === current.openedAtMs
    ? isEarlier(owner, current.closedOwner)
    : openedAtMs < current.openedAtMs;
}

/** Of connections that began in the same millisecond a broker's own count tells. Of those of two brokers, the record that comes counts. */
function isEarlier(a: SessionOwner | undefined, b: SessionOwner | undefined): boolean {
  if (a === undefined || b === undefined || brokerIdOf(a.incarnation) !== brokerIdOf(b.incarnation))
    return false;
  const [start, otherStart] = [startNumberOf(a.incarnation), startNumberOf(b.incarnation)];
  return start === otherStart ? a.connection < b.connection : start < otherStart;
}

/** Who owns the session, or did until it was closed. */
export function lastOwner(session: Ownership): SessionOwner | undefined {
  return session.owner ?? session.closedOwner;
}

export function sameOwner(a: SessionOwner | undefined, b: SessionOwner | undefined): boolean {
  return a?.incarnation === b?.incarnation && a?.connection === b?.connection;
}
