/** The fold of any key of the session log, by the broker's own `evolve`, with as little kept of each state as that looks at. */
import type { Offset } from '../../src/event-log/event-log.ts';
import type { SessionEvent, SessionState, Subscription } from '../../src/session/events.ts';
import { evolveSession, evolveSubscription, type Versioned } from '../../src/session/evolve.ts';
import type { ClientId } from '../../src/tenancy/identity.ts';

/** Of a key that is a session's, or a subscription's. */
export type KeyState = Versioned<SessionState> | Versioned<Subscription>;

/** The event has to be of the key that the state is of. */
export function evolveKey(
  current: KeyState | undefined,
  event: SessionEvent,
  offset: Offset,
): KeyState | undefined {
  switch (event.type) {
    case 'SessionOpened':
    case 'SessionClosed':
    case 'SessionEnded':
      return evolveSession(current as Versioned<SessionState> | undefined, event, offset);
    case 'Subscribed':
    case 'Unsubscribed':
      return evolveSubscription(current as Versioned<Subscription> | undefined, event, offset);
  }
}

/** Whether it counts, whatever was before it. */
export function makesState(event: SessionEvent): boolean {
  return event.type === 'SessionOpened' || event.type === 'Subscribed';
}

/** The state that a row of the snapshot has, undefined for what is none. */
export function stateOf(event: SessionEvent, offset: Offset): KeyState | undefined {
  switch (event.type) {
    case 'SessionOpened':
    case 'SessionClosed':
      return { value: event.state, offset };
    case 'Subscribed':
      return { value: event.subscription, offset };
    case 'SessionEnded':
    case 'Unsubscribed':
      return undefined;
  }
}

/** Without what may be long and what decides nothing. */
export function leanEvent(event: SessionEvent): SessionEvent {
  switch (event.type) {
    case 'SessionOpened':
    case 'SessionClosed':
      return { ...event, state: { ...event.state, clientId: '' as ClientId, address: '', will: undefined } };
    case 'Subscribed':
      return { ...event, subscription: { ...event.subscription, clientId: '' as ClientId, filter: '' } };
    case 'Unsubscribed':
      return { ...event, clientId: '' as ClientId, filter: '' };
    case 'SessionEnded':
      return { ...event, clientId: '' as ClientId };
  }
}
