import { describe, expect, test } from 'vitest';
import type { Offset } from '../../../src/event-log/event-log.ts';
import { evolveSession, evolveSubscription, sameOwner } from '../../../src/session/evolve.ts';
import type { SessionId } from '../../../src/tenancy/identity.ts';
import { DEFAULT_TENANT } from '../../../src/tenancy/identity.ts';
import {
  CLIENT,
  closedSession,
  OTHER_OWNER,
  OWNER,
  sessionState,
  subscription,
} from '../../support/simulated-session.ts';

const at = (offset: number) => offset as Offset;
const opened = { type: 'SessionOpened', state: sessionState() } as const;
const openedByOther = { type: 'SessionOpened', state: sessionState({ owner: OTHER_OWNER }) } as const;
const closed = { type: 'SessionClosed', state: closedSession(5_000) } as const;
const ended = { type: 'SessionEnded', tenant: DEFAULT_TENANT, clientId: CLIENT, reason: 'expired' } as const;

describe('a session', () => {
  test('is what its latest record says, with the offset it came from', () => {
    const first = evolveSession(undefined, opened, at(3));
    expect(first).toEqual({ value: opened.state, offset: 3 });
    const second = evolveSession(first, closed, at(4));
    expect(second).toEqual({ value: closed.state, offset: 4 });
    expect(evolveSession(second, ended, at(5))).toBeUndefined();
  });

  test.each([opened, openedByOther, closed, ended])(
    'ignores a record that is older or its own: $type',
    (event) => {
      const current = { value: sessionState({ sessionId: 9 as SessionId }), offset: at(7) };
      for (const offset of [0, 6, 7]) expect(evolveSession(current, event, at(offset))).toBe(current);
    },
  );

  test('is not closed by an owner who lost it', () => {
    const current = evolveSession(evolveSession(undefined, opened, at(1)), openedByOther, at(2));
    expect(evolveSession(current, closed, at(3))).toBe(current);
  });

  test('that is closed takes another closing: its will was published', () => {
    const current = { value: closed.state, offset: at(2) };
    const again = { type: 'SessionClosed', state: closedSession(5_000, { willDueAtMs: undefined }) } as const;
    expect(evolveSession(current, again, at(3))).toEqual({ value: again.state, offset: 3 });
  });

  test('may begin with its closing: compaction kept only that', () => {
    expect(evolveSession(undefined, closed, at(3))?.value).toBe(closed.state);
  });
});

describe('a subscription', () => {
  const subscribed = { type: 'Subscribed', subscription: subscription('a') } as const;
  const replaced = { type: 'Subscribed', subscription: subscription('a', { qos: 2 }) } as const;
  const unsubscribed = {
    type: 'Unsubscribed',
    tenant: DEFAULT_TENANT,
    clientId: CLIENT,
    filter: 'a',
  } as const;

  test('is what its latest record says', () => {
    const first = evolveSubscription(undefined, subscribed, at(1));
    const second = evolveSubscription(first, replaced, at(2));
    expect(second).toEqual({ value: replaced.subscription, offset: 2 });
    expect(evolveSubscription(second, unsubscribed, at(3))).toBeUndefined();
  });

  test.each([subscribed, replaced, unsubscribed])(
    'ignores a record that is older or its own: $type',
    (event) => {
      const current = { value: subscription('a', { qos: 0 }), offset: at(7) };
      for (const offset of [0, 7]) expect(evolveSubscription(current, event, at(offset))).toBe(current);
    },
  );
});

test('owners are the same only with incarnation and connection', () => {
  expect(sameOwner(OWNER, { ...OWNER })).toBe(true);
  expect(sameOwner(OWNER, { ...OWNER, connection: 2 })).toBe(false);
  expect(sameOwner(OWNER, OTHER_OWNER)).toBe(false);
  expect(sameOwner(OWNER, undefined)).toBe(false);
  expect(sameOwner(undefined, undefined)).toBe(true);
});
