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

export function evolveSession(
  current: Versioned<SessionState> | undefined,
  event: SessionRecord,
  offset: Offset,
): Versioned<SessionState> | undefined {
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

export function evolveSubscription(
  current: Versioned<Subscription> | undefined,
  event: SubscriptionRecord,
  offset: Offset,
): Versioned<Subscription> | undefined {
  if (current !== undefined && offset <= current.offset) return current;
  return event.type === 'Subscribed' ? { value: event.subscription, offset } : undefined;
}

/** A late close of an earlier owner must not take the session from the one that owns it now. */
function closesAnotherOwner(current: SessionState | undefined, closed: SessionState): boolean {
  return current?.owner !== undefined && !sameOwner(current.owner, closed.closedOwner);
}

export function sameOwner(a: SessionOwner | undefined, b: SessionOwner | undefined): boolean {
  return a?.incarnation === b?.incarnation && a?.connection === b?.connection;
}
