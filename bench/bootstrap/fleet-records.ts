/**
 * A fleet as the session log knows it: bikes that connected, subscribed five times and lost their connection again.
 * Bike n is always the same, so that every size is the beginning of the next.
 */
import type { LogRecord } from '../../src/event-log/event-log.ts';
import { encodeSessionEvent } from '../../src/event-log/session-event-codec.ts';
import type { SessionState, Subscription } from '../../src/session/events.ts';
import { DEFAULT_TENANT, incarnation, type ClientId, type SessionId } from '../../src/tenancy/identity.ts';

export const SUBSCRIPTIONS_EACH = 5;

const CITIES = 200;
const DEPOTS = 2_000;
const SESSION_EXPIRY_S = 7 * 24 * 60 * 60;
const EARLIER = incarnation('spoke-1', 1);

/** What connecting and subscribing for the first time leaves on the log, and losing the connection after that. */
export function firstVisit(bike: number, nowMs: number): LogRecord[] {
  return [
    encodeSessionEvent({ type: 'SessionOpened', state: connected(bike, 1, nowMs) }, nowMs),
    ...filtersOf(bike).map((filter, index) =>
      encodeSessionEvent({ type: 'Subscribed', subscription: subscription(bike, filter, index) }, nowMs),
    ),
    encodeSessionEvent({ type: 'SessionClosed', state: lost(bike, 1, nowMs) }, nowMs),
  ];
}

/** A bike that comes back to its session and is gone again: one connection, no new subscription. */
export function laterVisit(bike: number, nowMs: number): LogRecord[] {
  return [
    encodeSessionEvent({ type: 'SessionOpened', state: connected(bike, 2, nowMs) }, nowMs),
    encodeSessionEvent({ type: 'SessionClosed', state: lost(bike, 2, nowMs) }, nowMs),
  ];
}

/** Two exact filters and one with a wildcard of its own, one that a whole city has, one shared by a depot. */
function filtersOf(bike: number): string[] {
  const id = clientIdOf(bike);
  return [
    `bikes/${id}/commands`,
    `bikes/${id}/config`,
    `bikes/${id}/firmware/#`,
    `fleet/city-${bike % CITIES}/+/notices`,
    `$share/depot-${bike % DEPOTS}/depots/${bike % DEPOTS}/jobs`,
  ];
}

function clientIdOf(bike: number): ClientId {
  return `bike-${String(bike).padStart(8, '0')}` as ClientId;
}

function subscription(bike: number, filter: string, index: number): Subscription {
  return {
    tenant: DEFAULT_TENANT,
    clientId: clientIdOf(bike),
    sessionId: (bike + 1) as SessionId,
    filter,
    qos: 1,
    noLocal: false,
    retainAsPublished: false,
    retainHandling: 0,
    subscriptionId: index === 0 ? 1 : undefined,
  };
}

function connected(bike: number, visit: number, nowMs: number): SessionState {
  return {
    tenant: DEFAULT_TENANT,
    clientId: clientIdOf(bike),
    sessionId: (bike + 1) as SessionId,
    clientName: 'fleet',
    level: 5,
    owner: { incarnation: EARLIER, connection: 2 * bike + visit },
    sessionExpiryS: SESSION_EXPIRY_S,
    will: undefined,
    willDueAtMs: undefined,
    address: `10.${(bike >> 16) & 0xff}.${(bike >> 8) & 0xff}.${bike & 0xff}`,
    openedAtMs: nowMs,
    closedAtMs: undefined,
    closeReason: undefined,
    closedOwner: undefined,
    sentThrough: undefined,
  };
}

function lost(bike: number, visit: number, nowMs: number): SessionState {
  const { owner, ...state } = connected(bike, visit, nowMs);
  return {
    ...state,
    owner: undefined,
    closedOwner: owner,
    closedAtMs: nowMs + (bike % 3_600_000),
    closeReason: 'connectionLost',
  };
}
