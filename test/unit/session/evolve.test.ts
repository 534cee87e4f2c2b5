import { describe, expect, test } from 'vitest';
import type { Offset } from '../../../src/event-log/event-log.ts';
import {
  evolveSession,
  evolveSubscription,
  sameOwner,
  type SessionRecord,
} from '../../../src/session/evolve.ts';
import type { SessionOwner } from '../../../src/session/events.ts';
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
const ended = endedBy(OWNER);

function endedBy(lastOwner: SessionOwner | undefined, lastOpenedAtMs?: number): SessionRecord {
  const reason = 'expired';
  return {
    type: 'SessionEnded',
    tenant: DEFAULT_TENANT,
    clientId: CLIENT,
    reason,
    lastOwner,
    lastOpenedAtMs,
  };
}

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

  test('is not ended by who knew an earlier owner only, whether the later one is still there or not', () => {
    const taken = { value: sessionState({ owner: OTHER_OWNER }), offset: at(2) };
    expect(evolveSession(taken, endedBy(OWNER, 9_000), at(3))).toBe(taken);
    const left = {
      value: closedSession(9_000, { closedOwner: OTHER_OWNER, openedAtMs: 2_000 }),
      offset: at(3),
    };
    expect(evolveSession(left, endedBy(OWNER, 1_999), at(4))).toBe(left);
    expect(evolveSession(left, endedBy(OWNER), at(4))).toBe(left);
    expect(evolveSession(left, endedBy(OTHER_OWNER), at(4))).toBeUndefined();
  });

  test('that is closed is not closed again by an earlier owner', () => {
    const left = {
      value: closedSession(9_000, { closedOwner: OTHER_OWNER, openedAtMs: 2_000 }),
      offset: at(3),
    };
    const late = { type: 'SessionClosed', state: closedSession(10_000, { openedAtMs: 1_000 }) } as const;
    expect(evolveSession(left, late, at(4))).toBe(left);
  });

  test('is not taken back by an owner who states again what is so no more', () => {
    const restated = { ...opened, restated: true } as const;
    const taken = { value: sessionState({ owner: OTHER_OWNER }), offset: at(2) };
    expect(evolveSession(taken, restated, at(3))).toBe(taken);
    expect(evolveSession({ value: opened.state, offset: at(1) }, restated, at(3))?.offset).toBe(3);
    expect(evolveSession(undefined, restated, at(3))?.value).toBe(opened.state);
  });

  test('may have been opened by a later owner in between, of which compaction left no record', () => {
    const before = { value: closedSession(5_000), offset: at(1) };
    const later = closedSession(9_000, { closedOwner: OTHER_OWNER, openedAtMs: 6_000 });
    const closing = { type: 'SessionClosed', state: later } as const;
    expect(evolveSession(before, closing, at(9))).toEqual({ value: later, offset: 9 });
    expect(evolveSession(before, endedBy(OTHER_OWNER, 6_000), at(9))).toBeUndefined();
  });

  test('is ended whoever had it by a record of an old log, which names nobody', () => {
    expect(
      evolveSession({ value: sessionState(), offset: at(1) }, endedBy(undefined), at(2)),
    ).toBeUndefined();
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
    sessionId: 1 as SessionId,
  } as const;

  test('is what its latest record says', () => {
    const first = evolveSubscription(undefined, subscribed, at(1));
    const second = evolveSubscription(first, replaced, at(2));
    expect(second).toEqual({ value: replaced.subscription, offset: 2 });
    expect(evolveSubscription(second, unsubscribed, at(3))).toBeUndefined();
  });

  test('is not taken from a session by the end of an earlier one', () => {
    const current = { value: subscription('a', { sessionId: 2 as SessionId }), offset: at(3) };
    expect(evolveSubscription(current, unsubscribed, at(4))).toBe(current);
    const ofAny = { ...unsubscribed, sessionId: undefined };
    expect(evolveSubscription(current, ofAny, at(4))).toBeUndefined();
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
