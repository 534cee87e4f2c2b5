import { describe, expect, test } from 'vitest';
import {
  continuesSession,
  decide,
  expiresAtMs,
  hasExpired,
  type CloseCommand,
  type OpenCommand,
} from '../../../src/session/decide.ts';
import {
  NEVER_EXPIRES_S,
  type SessionEndReason,
  type SessionEvent,
  type SessionOwner,
  type SessionState,
} from '../../../src/session/events.ts';
import { DEFAULT_TENANT, type SessionId } from '../../../src/tenancy/identity.ts';
import type { Seq } from '../../../src/queue/durable-queue.ts';
import {
  CLIENT,
  closedSession,
  OTHER_OWNER,
  OWNER,
  sessionState,
  subscription,
  will,
} from '../../support/simulated-session.ts';

const NOW_MS = 100_000;
const NEW_ID = 2 as SessionId;

function open(changes: Partial<OpenCommand> = {}): OpenCommand {
  return {
    type: 'open',
    tenant: DEFAULT_TENANT,
    clientId: CLIENT,
    newSessionId: NEW_ID,
    clientName: 'bike',
    level: 5,
    owner: OTHER_OWNER,
    cleanStart: false,
    sessionExpiryS: 60,
    will: undefined,
    address: '127.0.0.1',
    nowMs: NOW_MS,
    ...changes,
  };
}

function close(changes: Partial<CloseCommand> = {}): CloseCommand {
  return {
    type: 'close',
    owner: OWNER,
    reason: 'connectionLost',
    publishWill: true,
    sessionExpiryS: undefined,
    sentThrough: 7 as Seq,
    nowMs: NOW_MS,
    ...changes,
  };
}

/** The state an event carries; fails the test when it is another event. */
function stateOf(event: SessionEvent | undefined, type: 'SessionOpened' | 'SessionClosed'): SessionState {
  if (event?.type !== type) throw new Error(`expected ${type}, got ${JSON.stringify(event)}`);
  return event.state;
}

function endOf(lastOwner: SessionOwner, reason: SessionEndReason): SessionEvent {
  const lastOpenedAtMs = 1_000;
  return {
    type: 'SessionEnded',
    tenant: DEFAULT_TENANT,
    clientId: CLIENT,
    reason,
    lastOwner,
    lastOpenedAtMs,
  };
}

function unsubscribed(filter: string): SessionEvent {
  const sessionId = 1 as SessionId;
  return { type: 'Unsubscribed', tenant: DEFAULT_TENANT, clientId: CLIENT, filter, sessionId };
}

const typesOf = (events: readonly SessionEvent[]): string[] => events.map(({ type }) => type);

describe('opening a session', () => {
  const before: [string, SessionState | undefined][] = [
    ['nothing', undefined],
    ['a transient session that is connected', sessionState({ sessionExpiryS: 0 })],
    [
      'a transient session whose will is still to come',
      closedSession(NOW_MS, { sessionExpiryS: 0, will: will() }),
    ],
    ['a session that expired', closedSession(NOW_MS - 60_000)],
    ['a session that expired, whose record is still there', closedSession(NOW_MS - 600_000)],
  ];
  test.each(before)('after %s, a new one begins, whatever clean start says', (_, session) => {
    for (const cleanStart of [true, false]) {
      for (const sessionExpiryS of [0, 60, NEVER_EXPIRES_S]) {
        const events = decide(open({ cleanStart, sessionExpiryS }), { session, filters: ['a', 'b'] });
        expect(typesOf(events)).toEqual(['Unsubscribed', 'Unsubscribed', 'SessionOpened']);
        const state = stateOf(events.at(-1), 'SessionOpened');
        expect(state).toMatchObject({ sessionId: NEW_ID, owner: OTHER_OWNER, sessionExpiryS });
        expect(state.sentThrough).toBeUndefined();
      }
    }
  });

  const alive: [string, SessionState][] = [
    ['is connected: a take-over', sessionState({ sentThrough: 3 as Seq })],
    ['is disconnected', closedSession(NOW_MS - 59_999, { sentThrough: 3 as Seq })],
    ['never expires', closedSession(0, { sessionExpiryS: NEVER_EXPIRES_S, sentThrough: 3 as Seq })],
  ];
  test.each(alive)('resumes a persistent session that %s', (_, session) => {
    // Who owns it has sent more since it was opened.
    const sentThrough = session.owner === undefined ? 3 : undefined;
    for (const sessionExpiryS of [0, 60]) {
      const events = decide(open({ sessionExpiryS, newSessionId: undefined }), { session, filters: ['a'] });
      expect(typesOf(events)).toEqual(['SessionOpened']);
      expect(stateOf(events[0], 'SessionOpened')).toMatchObject({
        sessionId: session.sessionId,
        owner: OTHER_OWNER,
        closedAtMs: undefined,
        closedOwner: undefined,
        sentThrough,
        openedAtMs: NOW_MS,
      });
    }
  });

  test.each(alive)('with clean start discards a persistent session that %s', (_, session) => {
    const events = decide(open({ cleanStart: true }), { session, filters: ['a'] });
    expect(typesOf(events)).toEqual(['Unsubscribed', 'SessionOpened']);
    expect(stateOf(events[1], 'SessionOpened').sessionId).toBe(NEW_ID);
  });

  test('replaces the will and forgets when the old one was due', () => {
    const session = closedSession(NOW_MS - 1_000, {
      will: will({ delayS: 30 }),
      willDueAtMs: NOW_MS + 29_000,
    });
    const next = will({ topic: 'next' });
    const [event] = decide(open({ will: next }), { session, filters: [] });
    expect(stateOf(event, 'SessionOpened')).toMatchObject({ will: next, willDueAtMs: undefined });
  });

  test('a new session without an identifier is a broken invariant', () => {
    expect(() => decide(open({ newSessionId: undefined }), { session: undefined, filters: [] })).toThrow(
      'session id',
    );
  });
});

describe('closing a session', () => {
  test.each([
    ['there is none', undefined],
    ['somebody else owns it', sessionState({ owner: OTHER_OWNER })],
    ['another connection of the same broker owns it', sessionState({ owner: { ...OWNER, connection: 2 } })],
    ['nobody owns it', closedSession(NOW_MS)],
  ])('changes nothing when %s', (_, session) => {
    expect(decide(close(), { session, filters: ['a'] })).toEqual([]);
  });

  test('keeps a persistent session and says who closed it, when and why', () => {
    const [event] = decide(close(), { session: sessionState(), filters: ['a'] });
    expect(stateOf(event, 'SessionClosed')).toMatchObject({
      owner: undefined,
      closedOwner: OWNER,
      closedAtMs: NOW_MS,
      closeReason: 'connectionLost',
      sentThrough: 7,
      sessionExpiryS: 60,
    });
  });

  test.each([
    ['a transient session', 0, undefined],
    ['a persistent session whose DISCONNECT set the expiry to 0', 60, 0],
  ])('ends %s', (_, sessionExpiryS, atDisconnect) => {
    const session = sessionState({ sessionExpiryS });
    const events = decide(close({ sessionExpiryS: atDisconnect }), { session, filters: ['a', 'b'] });
    expect(events).toEqual([endOf(OWNER, 'transient')]);
  });

  test.each([
    ['at once', 0, 60, 0],
    ['after its delay', 10, 60, 10],
    ['with the end of the session, if that is earlier', 100, 60, 60],
    ['at once when the session ends with the connection', 100, 0, 0],
    ['after its delay when the session never ends', 100, NEVER_EXPIRES_S, 100],
  ])('makes the will due %s', (_, delayS, sessionExpiryS, expectedS) => {
    const session = sessionState({ will: will({ delayS }), sessionExpiryS });
    const [event] = decide(close(), { session, filters: [] });
    expect(stateOf(event, 'SessionClosed').willDueAtMs).toBe(NOW_MS + expectedS * 1_000);
  });

  test('forgets the will after a normal DISCONNECT [MQTT-3.14.4-3]', () => {
    const session = sessionState({ will: will() });
    const [event] = decide(close({ publishWill: false }), { session, filters: [] });
    expect(stateOf(event, 'SessionClosed')).toMatchObject({ will: undefined, willDueAtMs: undefined });
  });
});

describe('a will that was published', () => {
  const published = { type: 'willPublished', sessionId: 1 as SessionId, openedAtMs: 1_000 } as const;

  test('is forgotten by a persistent session', () => {
    const session = closedSession(NOW_MS, { will: will(), willDueAtMs: NOW_MS });
    const [event] = decide(published, { session, filters: [] });
    expect(stateOf(event, 'SessionClosed')).toEqual({ ...session, will: undefined, willDueAtMs: undefined });
  });

  test('ends a transient session', () => {
    const session = closedSession(NOW_MS, { will: will(), sessionExpiryS: 0 });
    expect(decide(published, { session, filters: ['a'] })).toEqual([endOf(OWNER, 'transient')]);
  });

  test.each([
    ['there is no session', undefined],
    ['the session has no will', closedSession(NOW_MS)],
    ['the client is back', sessionState({ will: will() })],
    ['it was of another session', closedSession(NOW_MS, { will: will(), sessionId: 9 as SessionId })],
    ['it was of another connection', closedSession(NOW_MS, { will: will(), openedAtMs: 2_000 })],
  ])('changes nothing when %s', (_, session) => {
    expect(decide(published, { session, filters: ['a'] })).toEqual([]);
  });
});

describe('subscriptions', () => {
  const session = sessionState();

  test('each granted one is an event of its own', () => {
    const subscriptions = [subscription('a'), subscription('b')];
    expect(decide({ type: 'subscribe', subscriptions }, { session, filters: [] })).toEqual(
      subscriptions.map((each) => ({ type: 'Subscribed', subscription: each })),
    );
  });

  test.each([
    ['is no more', undefined],
    ['has made way for a new one', sessionState({ sessionId: NEW_ID })],
  ])('of a session that %s leave no record', (_, now) => {
    const command = { type: 'subscribe', subscriptions: [subscription('a')] } as const;
    expect(decide(command, { session: now, filters: [] })).toEqual([]);
  });

  test('only those on record can be given up', () => {
    const events = decide({ type: 'unsubscribe', filters: ['a', 'x'] }, { session, filters: ['a', 'b'] });
    expect(events).toEqual([unsubscribed('a')]);
  });

  test('nobody unsubscribes without a session', () => {
    expect(decide({ type: 'unsubscribe', filters: ['a'] }, { session: undefined, filters: ['a'] })).toEqual(
      [],
    );
  });
});

describe('ending a session', () => {
  test.each([
    ['is connected, names its owner', sessionState({ owner: OTHER_OWNER })],
    ['is not, names the owner before', closedSession(NOW_MS, { closedOwner: OTHER_OWNER })],
  ])('that %s', (_, session) => {
    const events = decide({ type: 'end', reason: 'expired' }, { session, filters: ['a'] });
    expect(events).toEqual([endOf(OTHER_OWNER, 'expired')]);
  });

  test('its subscriptions go when it is gone, and those of no other session', () => {
    const forget = {
      type: 'forget',
      tenant: DEFAULT_TENANT,
      clientId: CLIENT,
      sessionId: 1 as SessionId,
    } as const;
    expect(decide(forget, { session: undefined, filters: ['a', 'b'] })).toEqual([
      unsubscribed('a'),
      unsubscribed('b'),
    ]);
  });

  test('that is not there changes nothing', () => {
    expect(decide({ type: 'end', reason: 'expired' }, { session: undefined, filters: [] })).toEqual([]);
  });
});

describe('what a late record overruled on the log', () => {
  test('is stated again by the last owner, and says that it is no new opening', () => {
    const restate = { type: 'restate', owner: OWNER } as const;
    const [session, closed] = [sessionState(), closedSession(NOW_MS)];
    expect(decide(restate, { session, filters: [] })).toEqual([
      { type: 'SessionOpened', state: session, restated: true },
    ]);
    expect(decide(restate, { session: closed, filters: [] })).toEqual([
      { type: 'SessionClosed', state: closed },
    ]);
  });

  test.each([
    ['the session has ended since', undefined],
    ['somebody else owns it', sessionState({ owner: OTHER_OWNER })],
    ['somebody else had it last', closedSession(NOW_MS, { closedOwner: OTHER_OWNER })],
  ])('is left to others when %s', (_, session) => {
    expect(decide({ type: 'restate', owner: OWNER }, { session, filters: [] })).toEqual([]);
  });
});

describe('expiry', () => {
  test.each([
    ['while connected', sessionState(), undefined],
    ['when it never does', closedSession(0, { sessionExpiryS: NEVER_EXPIRES_S }), undefined],
    ['its expiry after the end of the connection', closedSession(5_000), 65_000],
  ])('%s', (_, session, expected) => {
    expect(expiresAtMs(session)).toBe(expected);
    if (expected === undefined) expect(hasExpired(session, Number.MAX_SAFE_INTEGER)).toBe(false);
    else {
      expect(hasExpired(session, expected - 1)).toBe(false);
      expect(hasExpired(session, expected)).toBe(true);
      expect(continuesSession(session, false, expected - 1)).toBe(true);
      expect(continuesSession(session, false, expected)).toBe(false);
      expect(continuesSession(session, true, expected - 1)).toBe(false);
    }
  });
});
