import { beforeEach, describe, expect, test } from 'vitest';
import type { Offset } from '../../../src/event-log/event-log.ts';
import type { SessionEvent } from '../../../src/session/events.ts';
import { SessionRegistry } from '../../../src/session/session-registry.ts';
import { DEFAULT_TENANT, type SessionId } from '../../../src/tenancy/identity.ts';
import {
  CLIENT,
  closedSession,
  OTHER_OWNER,
  OWNER,
  sessionState,
  subscription,
} from '../../support/simulated-session.ts';

const SECOND = 2 as SessionId;
const opened: SessionEvent = { type: 'SessionOpened', state: sessionState() };
const reopened: SessionEvent = { type: 'SessionOpened', state: sessionState({ sessionId: SECOND }) };
const closed: SessionEvent = { type: 'SessionClosed', state: closedSession(5_000) };
const ended: SessionEvent = {
  type: 'SessionEnded',
  tenant: DEFAULT_TENANT,
  clientId: CLIENT,
  reason: 'expired',
  lastOwner: OWNER,
  lastOpenedAtMs: 1_000,
};
const subscribed = (filter: string, sessionId = 1): SessionEvent => ({
  type: 'Subscribed',
  subscription: subscription(filter, { sessionId: sessionId as SessionId }),
});
const unsubscribed = (filter: string, sessionId = 1): SessionEvent => ({
  type: 'Unsubscribed',
  tenant: DEFAULT_TENANT,
  clientId: CLIENT,
  filter,
  sessionId: sessionId as SessionId,
});

describe('session registry', () => {
  let registry: SessionRegistry;
  let seen: string[];

  beforeEach(() => {
    seen = [];
    registry = new SessionRegistry(DEFAULT_TENANT, {
      sessionChanged: (_client, before, after) =>
        seen.push(`${before?.sessionId ?? '-'}→${after?.sessionId ?? '-'}`),
      overruled: (_client, { sessionId }) => seen.push(`!${sessionId}`),
      subscriptionOverruled: (_client, { filter, sessionId }) => seen.push(`!${filter} of ${sessionId}`),
      subscribed: (_client, { filter, sessionId }) => seen.push(`+${filter} of ${sessionId}`),
      unsubscribed: (_client, { filter, sessionId }) => seen.push(`-${filter} of ${sessionId}`),
    });
  });

  const apply = (...events: readonly (readonly [SessionEvent, number])[]): void => {
    for (const [event, offset] of events) registry.apply(event, offset as Offset);
  };

  test('a subscription is in force from the session on that made it, in whatever order the rows come', () => {
    apply([subscribed('a'), 5], [opened, 1], [subscribed('b'), 6]);
    expect(seen).toEqual(['-→1', '+a of 1', '+b of 1']);
  });

  test('a subscription of an earlier session does not count, before and after the session row', () => {
    apply([subscribed('a', 1), 2], [reopened, 9], [subscribed('b', 1), 3]);
    expect(seen).toEqual(['-→2']);
  });

  test('closing and resuming a session touches no subscription', () => {
    apply([opened, 1], [subscribed('a'), 2], [closed, 3]);
    apply([{ type: 'SessionOpened', state: sessionState({ owner: { ...OWNER, connection: 2 } }) }, 4]);
    expect(seen).toEqual(['-→1', '+a of 1', '1→1', '1→1']);
  });

  test('a new session revokes what the one before had', () => {
    apply([opened, 1], [subscribed('a'), 2], [reopened, 3]);
    expect(seen).toEqual(['-→1', '+a of 1', '-a of 1', '1→2']);
    apply([subscribed('a', 2), 4]);
    expect(seen.at(-1)).toBe('+a of 2');
  });

  test('replacing a subscription tells the new options, giving it up tells the old ones', () => {
    apply([opened, 1], [subscribed('a'), 2]);
    apply([{ type: 'Subscribed', subscription: subscription('a', { qos: 2 }) }, 3], [unsubscribed('a'), 4]);
    expect(seen.slice(1)).toEqual(['+a of 1', '+a of 1', '-a of 1']);
  });

  test('the end of a session revokes its subscriptions and, once they are gone, forgets the client', () => {
    apply([opened, 1], [subscribed('a'), 2], [ended, 3]);
    expect(seen).toEqual(['-→1', '+a of 1', '-a of 1', '1→-']);
    expect(registry.size).toBe(1);
    apply([unsubscribed('a'), 4]);
    expect(registry.size).toBe(0);
    expect(seen).toHaveLength(4);
  });

  test('a late close of an earlier owner is told as overruled, once per record and not when it is replayed', () => {
    const late: SessionEvent = {
      type: 'SessionClosed',
      state: closedSession(5_000, { closedOwner: OTHER_OWNER }),
    };
    apply([opened, 1], [late, 2], [opened, 3], [late, 2], [opened, 1]);
    expect(seen).toEqual(['-→1', '!1', '1→1']);
  });

  test('so is a subscription that an earlier session ends, or puts its own in the place of', () => {
    apply([reopened, 1], [subscribed('a', 2), 2], [unsubscribed('a', 1), 3]);
    expect(seen).toEqual(['-→2', '+a of 2', '!a of 2']);
    apply([subscribed('a', 1), 4], [unsubscribed('a', 2), 5]);
    expect(seen.slice(3)).toEqual(['-a of 2', '!a of 2']);
  });

  test('records that were applied before change nothing and are told to nobody', () => {
    apply([opened, 1], [subscribed('a'), 2], [closed, 3]);
    const before = seen.length;
    apply([opened, 1], [subscribed('a'), 2], [closed, 3]);
    expect(seen).toHaveLength(before);
    expect(registry.get(CLIENT)?.session?.offset).toBe(3);
  });

  test('a tombstone of a client nobody knows leaves nothing behind', () => {
    apply([ended, 1], [unsubscribed('a'), 2]);
    expect(registry.size).toBe(0);
    expect(seen).toEqual([]);
  });
});
