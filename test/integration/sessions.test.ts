/** How long a session lives, what it keeps, and to whom it belongs. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { setTimeout as sleep } from 'node:timers/promises';
import { REASON } from '../../src/mqtt/reason-code.ts';
import type { RawClient } from '../support/raw-client.ts';
import { RunningBroker } from '../support/running-broker.ts';
import {
  disconnect,
  expectNothing,
  payloads,
  publish,
  subscribe,
  take,
  takeAll,
} from './support/exchanges.ts';
import { MQTT_3_1_1, MQTT_5, newClientId, persistent, VERSIONS } from './support/versions.ts';

const NEVER_S = 0xffff_ffff;
/** An expiry of one second is acted upon to the second. */
const PAST_ONE_SECOND_MS = 2_300;

let broker: RunningBroker;
let publisher: RawClient;

beforeAll(async () => {
  broker = await RunningBroker.start({ limits: { sessionExpiryMaxS: NEVER_S } });
  ({ client: publisher } = await broker.connect(MQTT_5, { clientId: 'publisher' }));
});

afterAll(() => broker.dispose());

describe.each(VERSIONS)('$version: a session', (version) => {
  it('that is persistent keeps subscriptions and messages while its client is away [3.1.1 MQTT-3.1.2-4, MQTT-3.1.2-5, MQTT-4.1.0-1, MQTT-4.5.0-1] [5.0 MQTT-3.1.2-5, MQTT-3.1.2-23, MQTT-4.1.0-1, MQTT-4.5.0-1]', async () => {
    const clientId = newClientId();
    const first = await broker.connect(version, { clientId, ...persistent(version) });
    await subscribe(first.client, { topic: clientId, qos: 1 });
    await disconnect(first.client);
    await publish(publisher, { topic: clientId, qos: 1, payload: 'one' });
    await publish(publisher, { topic: clientId, qos: 2, payload: 'two' });

    const second = await broker.connect(version, { clientId, ...persistent(version) });
    // MQTT 3.1 has no such flag.
    expect(second.connack.sessionPresent).toBe(version.level > 3);
    expect(payloads(await takeAll(second.client, 2))).toEqual(['one', 'two']);
    await publish(publisher, { topic: clientId, qos: 1, payload: 'three' });
    expect((await take(second.client)).payload.toString()).toBe('three');
  });

  it('that is clean starts with nothing and leaves nothing [3.1.1 MQTT-3.1.2-6] [5.0 MQTT-3.1.2-4]', async () => {
    const clientId = newClientId();
    const first = await broker.connect(version, { clientId, ...persistent(version) });
    await subscribe(first.client, { topic: clientId, qos: 1 });
    await disconnect(first.client);
    await publish(publisher, { topic: clientId, qos: 1, payload: 'for the old session' });

    const clean = await broker.connect(version, { clientId, clean: true });
    expect(clean.connack.sessionPresent).toBe(false);
    await publish(publisher, { topic: clientId, qos: 1, payload: 'for nobody' });
    await expectNothing(clean.client);
    await subscribe(clean.client, { topic: clientId, qos: 1 });
    await disconnect(clean.client);

    const last = await broker.connect(version, { clientId, ...persistent(version) });
    expect(last.connack.sessionPresent).toBe(false);
    await publish(publisher, { topic: clientId, qos: 1, payload: 'still for nobody' });
    await expectNothing(last.client);
  });

  it('does not keep QoS 0 for an absent client', async () => {
    const clientId = newClientId();
    const first = await broker.connect(version, { clientId, ...persistent(version) });
    await subscribe(first.client, { topic: clientId, qos: 2 });
    await disconnect(first.client);
    await publish(publisher, { topic: clientId, qos: 0, payload: 'fleeting' });
    await publish(publisher, { topic: clientId, qos: 1, payload: 'lasting' });
    const second = await broker.connect(version, { clientId, ...persistent(version) });
    expect((await take(second.client)).payload.toString()).toBe('lasting');
    await expectNothing(second.client);
  });
});

describe.concurrent('session expiry of MQTT 5', () => {
  /** Connects, subscribes, leaves without DISCONNECT unless told otherwise; what the next CONNACK says. */
  async function leaveWith(
    sessionExpiryInterval: number | undefined,
    awayMs: number,
    leave: (client: RawClient) => Promise<void> = lose,
  ): Promise<boolean> {
    const clientId = newClientId();
    const properties = sessionExpiryInterval === undefined ? {} : { sessionExpiryInterval };
    const { client } = await broker.connect(MQTT_5, { clientId, clean: false, properties });
    await subscribe(client, { topic: clientId, qos: 1 });
    await leave(client);
    await sleep(awayMs);
    return (await broker.connect(MQTT_5, { clientId, clean: false })).connack.sessionPresent;
  }

  async function lose(client: RawClient): Promise<void> {
    client.destroy();
    await client.closed();
  }

  const leaveChangingTo = (expiryS: number) => (client: RawClient) => disconnect(client, 0, expiryS);

  it('ends a session when it has passed, not before [5.0 MQTT-3.1.2-23, MQTT-4.1.0-2]', async () => {
    const [absent, zero, shortly, after, long, never] = await Promise.all([
      leaveWith(undefined, 0),
      leaveWith(0, 0),
      leaveWith(1, 0),
      leaveWith(1, PAST_ONE_SECOND_MS),
      leaveWith(60, PAST_ONE_SECOND_MS),
      leaveWith(NEVER_S, PAST_ONE_SECOND_MS),
    ]);
    expect({ absent, zero, shortly, after, long, never }).toEqual({
      absent: false,
      zero: false,
      shortly: true,
      after: false,
      long: true,
      never: true,
    });
  });

  it('is changed by DISCONNECT', async () => {
    const [shortened, ended, extended] = await Promise.all([
      leaveWith(60, PAST_ONE_SECOND_MS, leaveChangingTo(1)),
      leaveWith(60, 0, leaveChangingTo(0)),
      leaveWith(1, PAST_ONE_SECOND_MS, leaveChangingTo(60)),
    ]);
    expect({ shortened, ended, extended }).toEqual({ shortened: false, ended: false, extended: true });
  });

  it('of 0 cannot be raised by DISCONNECT', async () => {
    const { client } = await broker.connect(MQTT_5, { clientId: newClientId() });
    client.send({ cmd: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval: 60 } });
    expect(await client.next()).toMatchObject({ cmd: 'disconnect', reasonCode: REASON.protocolError });
    await client.closed();
  });

  it('takes the messages of the session with it', async ({ expect }) => {
    const clientId = newClientId();
    const { client } = await broker.connect(MQTT_5, { clientId, ...persistent(MQTT_5, 1) });
    await subscribe(client, { topic: clientId, qos: 1 });
    await disconnect(client);
    await publish(publisher, { topic: clientId, qos: 1 });
    const status = async () => (await broker.admin(`/api/v1/session?client=${clientId}`)).status;
    await expect.poll(status, { timeout: 10_000, interval: 200 }).toBe(404);
    expect(await publish(publisher, { topic: clientId, qos: 1 })).toBe(REASON.noMatchingSubscribers);
  });

  it('is not a thing of MQTT 3.1.1: a session without clean session stays', async () => {
    const clientId = newClientId();
    const { client } = await broker.connect(MQTT_3_1_1, { clientId, clean: false });
    await disconnect(client);
    const { connack } = await broker.connect(MQTT_3_1_1, { clientId, clean: false });
    expect(connack.sessionPresent).toBe(true);
  });
});

describe('a second connection of the same client', () => {
  it.each(VERSIONS)(
    'ends the first one [3.1.1 MQTT-3.1.4-2] [5.0 MQTT-3.1.4-3]: $version',
    async (version) => {
      const clientId = newClientId();
      const { client: first } = await broker.connect(version, { clientId });
      const { client: second } = await broker.connect(MQTT_5, { clientId });
      if (version.level === 5) {
        expect(await first.next()).toMatchObject({ cmd: 'disconnect', reasonCode: REASON.sessionTakenOver });
      }
      await first.closed();
      await expectNothing(second);
    },
  );

  it('of another protocol version resumes the session', async () => {
    const clientId = newClientId();
    const { client: old } = await broker.connect(MQTT_3_1_1, { clientId, clean: false });
    await subscribe(old, { topic: clientId, qos: 1 });
    await disconnect(old);
    const { client, connack } = await broker.connect(MQTT_5, { clientId, ...persistent(MQTT_5) });
    expect(connack.sessionPresent).toBe(true);
    await publish(publisher, { topic: clientId, qos: 1 });
    expect((await take(client)).topic).toBe(clientId);
  });

  it('of many at once leaves exactly one', async () => {
    const clientId = newClientId();
    const attempts = await Promise.all(Array.from({ length: 20 }, () => broker.open(MQTT_5)));
    for (const client of attempts) client.sendConnect({ clientId, ...persistent(MQTT_5) });
    const outcomes = await Promise.all(attempts.map((client) => client.expect('connack')));
    const accepted = outcomes.filter(({ reasonCode }) => reasonCode === REASON.success);
    expect(accepted.filter(({ sessionPresent }) => !sessionPresent)).toHaveLength(1);
    const losers = await Promise.race(
      attempts.map(async (survivor) => {
        const others = attempts.filter((client) => client !== survivor);
        await Promise.all(others.map((client) => client.closed()));
        return others;
      }),
    );
    expect(losers).toHaveLength(attempts.length - 1);
    for (const client of losers) {
      // Those that still waited for the session when a later one came were never connected.
      const wasConnected = outcomes[attempts.indexOf(client)]?.reasonCode === REASON.success;
      if (wasConnected) expect(await client.next()).toMatchObject({ reasonCode: REASON.sessionTakenOver });
      else expect(outcomes[attempts.indexOf(client)]?.reasonCode).toBe(REASON.serverBusy);
    }
  });

  const ENDINGS = ['is still connected', 'was lost just before'] as const;
  const EXPIRIES_S = [0, 60] as const;
  const WILL_DELAYS_S = [undefined, 0, 1] as const;
  const CASES = ENDINGS.flatMap((ending) =>
    EXPIRIES_S.flatMap((expiryS) => WILL_DELAYS_S.map((delayS) => ({ ending, expiryS, delayS }))),
  );

  describe.each([false, true])('with clean start %s', (clean) => {
    it.concurrent.each(CASES)(
      'the first $ending [5.0 MQTT-3.1.2-8, MQTT-3.1.3-9]: expiry $expiryS s, will delay $delayS s',
      async ({ ending, expiryS, delayS }) => {
        const clientId = newClientId();
        const { client: watcher } = await broker.connect(MQTT_5, { clientId: newClientId('watcher') });
        await subscribe(watcher, { topic: `${clientId}/will`, qos: 1 });
        const connect = { clientId, properties: { sessionExpiryInterval: expiryS } };
        const { client: first } = await broker.connect(MQTT_5, {
          ...connect,
          ...(delayS === undefined ? {} : { will: willOf(clientId, delayS) }),
        });
        await subscribe(first, { topic: clientId, qos: 1 });
        if (ending === 'was lost just before') {
          first.destroy();
          await first.closed();
        }
        const { client: second, connack } = await broker.connect(MQTT_5, { ...connect, clean });
        if (ending === 'is still connected') {
          expect(await first.next()).toMatchObject({ reasonCode: REASON.sessionTakenOver });
          await first.closed();
        }

        const resumed = expiryS > 0 && !clean;
        expect(connack.sessionPresent).toBe(resumed);
        // A session that goes on within the delay takes its will back; one that ends publishes it at once.
        const publishesWill = delayS !== undefined && (delayS === 0 || !resumed);
        if (publishesWill) expect((await take(watcher)).payload.toString()).toBe('gone');
        else await sleep(delayS === undefined ? 0 : PAST_ONE_SECOND_MS);
        await expectNothing(watcher);

        await publish(watcher, { topic: clientId, qos: 1 });
        if (resumed) expect((await take(second)).topic).toBe(clientId);
        await expectNothing(second);
      },
    );
  });

  function willOf(clientId: string, willDelayInterval: number) {
    return { topic: `${clientId}/will`, payload: 'gone', qos: 1 as const, properties: { willDelayInterval } };
  }
});
