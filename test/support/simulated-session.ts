/** Session states and subscriptions for tests that care about one or two of their members. */
import type { SessionState, Subscription, Will } from '../../src/session/events.ts';
import { DEFAULT_TENANT, incarnation, type ClientId, type SessionId } from '../../src/tenancy/identity.ts';

export const CLIENT = 'bike-1' as ClientId;
export const OWNER = { incarnation: incarnation('one', 1), connection: 1 };
export const OTHER_OWNER = { incarnation: incarnation('two', 1), connection: 1 };

export function sessionState(changes: Partial<SessionState> = {}): SessionState {
  return {
    tenant: DEFAULT_TENANT,
    clientId: CLIENT,
    sessionId: 1 as SessionId,
    clientName: '',
    level: 5,
    owner: OWNER,
    sessionExpiryS: 60,
    will: undefined,
    willDueAtMs: undefined,
    address: '127.0.0.1',
    openedAtMs: 1_000,
    closedAtMs: undefined,
    closeReason: undefined,
    closedOwner: undefined,
    sentThrough: undefined,
    ...changes,
  };
}

/** As after its connection ended at `atMs`. */
export function closedSession(atMs: number, changes: Partial<SessionState> = {}): SessionState {
  return sessionState({
    owner: undefined,
    closedOwner: OWNER,
    closedAtMs: atMs,
    closeReason: 'connectionLost',
    ...changes,
  });
}

export function will(changes: Partial<Will> = {}): Will {
  return {
    topic: 'gone',
    payload: Buffer.from('bye'),
    qos: 1,
    retain: false,
    delayS: 0,
    messageExpiryS: undefined,
    properties: Buffer.alloc(0),
    ...changes,
  };
}

export function subscription(filter: string, changes: Partial<Subscription> = {}): Subscription {
  return {
    tenant: DEFAULT_TENANT,
    clientId: CLIENT,
    sessionId: 1 as SessionId,
    filter,
    qos: 1,
    noLocal: false,
    retainAsPublished: false,
    retainHandling: 0,
    subscriptionId: undefined,
    ...changes,
  };
}
