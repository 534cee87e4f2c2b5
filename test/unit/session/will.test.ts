/** MQTT 5.0, sections 3.1.2.5 and 3.1.3.2.2. */
import { describe, expect, test } from 'vitest';
import type { SessionState } from '../../../src/session/events.ts';
import { willDueOnConnect, willMessage, willProducer } from '../../../src/session/will.ts';
import type { SessionId } from '../../../src/tenancy/identity.ts';
import { closedSession, sessionState, will } from '../../support/simulated-session.ts';

const NOW_MS = 100_000;

describe('a CONNECT of the same client', () => {
  const connected = (delayS: number) => sessionState({ will: will({ delayS }) });
  const waiting = (dueInMs: number) =>
    closedSession(NOW_MS - 1_000, { will: will({ delayS: 5 }), willDueAtMs: NOW_MS + dueInMs });

  const cases: [string, SessionState | undefined, boolean, boolean][] = [
    ['no session', undefined, false, false],
    ['no will', sessionState(), true, false],
    [
      'take-over of a resumed session, no delay: the old connection closes without DISCONNECT',
      connected(0),
      true,
      true,
    ],
    ['take-over of a resumed session, delay: resumed before it has passed', connected(5), true, false],
    ['take-over with clean start, no delay: the session ends', connected(0), false, true],
    [
      'take-over with clean start, delay: the session ends, and the will does not wait',
      connected(5),
      false,
      true,
    ],
    ['resumed while the delay still runs: cancelled [MQTT-3.1.3-9]', waiting(1), true, false],
    ['resumed when it is due but not published yet', waiting(0), true, true],
    ['resumed after it was due', waiting(-500), true, true],
    ['clean start while the delay still runs: the session ends', waiting(1), false, true],
    ['a closed session whose will was published', closedSession(NOW_MS), true, false],
  ];
  test.each(cases)('%s', (_, session, resumed, isDue) => {
    expect(willDueOnConnect(session, resumed, NOW_MS)).toBe(isDue ? session?.will : undefined);
  });
});

describe('the will as a message', () => {
  test('carries what CONNECT said, published now by its client', () => {
    const properties = Buffer.from([1, 1]);
    const stated = will({ topic: 't', qos: 2, retain: true, properties });
    expect(willMessage(sessionState(), stated, NOW_MS, 0)).toEqual({
      topic: 't',
      payload: stated.payload,
      qos: 2,
      retain: true,
      properties,
      publishedAtMs: NOW_MS,
      expiresAtMs: undefined,
      publisher: sessionState().clientId,
    });
  });

  test.each([
    [undefined, 0, undefined],
    [10, 0, NOW_MS + 10_000],
    [10, 5, NOW_MS + 5_000],
    [10, 50, NOW_MS + 10_000],
    [undefined, 5, NOW_MS + 5_000],
  ])('with an expiry of %s and an age limit of %i', (messageExpiryS, ageMaxS, expected) => {
    const message = willMessage(sessionState(), will({ messageExpiryS }), NOW_MS, ageMaxS);
    expect(message.expiresAtMs).toBe(expected);
  });

  test('has a producer of its own per connection, so that publishing it again appends nothing twice', () => {
    const session = sessionState();
    expect(willProducer(closedSession(5_000))).toBe(willProducer(session));
    expect(willProducer(sessionState({ openedAtMs: 2_000 }))).not.toBe(willProducer(session));
    expect(willProducer(sessionState({ sessionId: 2 as SessionId }))).not.toBe(willProducer(session));
  });
});
