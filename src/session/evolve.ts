/**
 * The fold of the session log, key by key: `evolve(state, event) → state`, pure. State remembers the offset it
 * came from and ignores older records, so replaying from any earlier offset is harmless.
 */
import type { Offset } from '../event-log/event-log.ts';
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
    case 'SessionOpened':
      return { value: event.state, offset };
    case 'SessionClosed':
      return closesAnotherOwner(current?.value, event.state) ? current : { value: event.state, offset };
    case 'SessionEnded':
      return undefined;
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
  return event.type === 'Subscribed' ? { value: event.subscription, offset } : undefined;
}

/** A late close of an earlier owner must not take the session from the one that owns it now. */
function closesAnotherOwner(current: Ownership | undefined, closed: SessionState): boolean {
  return current?.owner !== undefined && !sameOwner(current.owner, closed.closedOwner);
}

export function sameOwner(a: SessionOwner | undefined, b: SessionOwner | undefined): boolean {
  return a?.incarnation === b?.incarnation && a?.connection === b?.connection;
}
