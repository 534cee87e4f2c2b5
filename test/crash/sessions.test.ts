/** Sessions begin, resume, start clean, end and expire, wills wait; kills come in between. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { RawClient } from '../support/raw-client.ts';
import { CrashRig, CRASH_TEST_TIMEOUT_MS, RANDOM_KILLS } from './support/crash-rig.ts';
import { Visitor } from './support/visitor.ts';

const VISITORS = 6;
const GAP_MS_MAX = 300;

describe('a broker killed while sessions begin and end', () => {
  it('keeps the sessions it promised to keep and no others', { timeout: CRASH_TEST_TIMEOUT_MS }, async () => {
    const rig = await CrashRig.spawn('sessions');
    const probe = await rig.device('probe');
    const visitors = Array.from({ length: VISITORS }, (_none, index) => {
      const clientId = `visitor-${index}`;
      return new Visitor(clientId, index % 2 === 0 ? 5 : 4, rig.victim.port, rig.random.fork(clientId));
    });
    for (let round = 1; round <= RANDOM_KILLS; round++) {
      const over = new AbortController();
      const visiting = visitors.map((visitor) => visitor.visitRepeatedly(over.signal));
      await sleep(rig.random.between(0, GAP_MS_MAX));
      const dead = rig.victim.kill();
      over.abort();
      await Promise.all([dead, ...visiting]);
      await rig.restart();
      for (const visitor of visitors) {
        await visitor.inspect((topic) => probe.publish(topic, 'probe', 1));
        expect(visitor.problems, `round ${round}`).toEqual([]);
      }
    }
  });

  it(
    'expires a session whose time ran out while the broker was dead',
    { timeout: CRASH_TEST_TIMEOUT_MS },
    async () => {
      const rig = await CrashRig.spawn('expiry');
      const connect = async (clientId: string, sessionExpiryInterval: number) =>
        await RawClient.connect(
          { port: rig.victim.port, level: 5 },
          { clientId, clean: false, properties: { sessionExpiryInterval } },
        );
      await connect('short', 1);
      await connect('long', 3_600);
      await rig.victim.kill();
      await sleep(1_500);
      await rig.restart();
      expect((await connect('short', 1)).connack.sessionPresent).toBe(false);
      expect((await connect('long', 3_600)).connack.sessionPresent).toBe(true);
    },
  );

  it(
    'publishes the will of a client that was connected when it died, once',
    { timeout: CRASH_TEST_TIMEOUT_MS },
    async () => {
      const rig = await CrashRig.spawn('will');
      const wills: string[] = [];
      const heir = await rig.device('heir', { level: 5 });
      heir.onMessage = (_topic, payload) => wills.push(payload);
      await heir.subscribed('wills/#');
      const will = (payload: string) => ({
        topic: 'wills/t',
        payload: Buffer.from(payload),
        qos: 2 as const,
        retain: false,
      });
      const persistent = { properties: { sessionExpiryInterval: 3_600 } };
      const testator = { port: rig.victim.port, level: 5 as const };
      await RawClient.connect(testator, {
        clientId: 'keeps',
        clean: false,
        will: will('kept'),
        ...persistent,
      });
      await RawClient.connect(testator, { clientId: 'passes', clean: true, will: will('passing') });
      const { client } = await RawClient.connect(testator, {
        clientId: 'leaves',
        clean: true,
        will: will('revoked'),
      });
      client.send({ cmd: 'disconnect', reasonCode: 0 });
      await client.closed();

      await rig.killAndRestart();
      await expect.poll(() => wills.toSorted(), { timeout: 10_000 }).toEqual(['kept', 'passing']);
      await rig.killAndRestart();
      await rig.settle();
      await sleep(300);
      expect(wills.toSorted()).toEqual(['kept', 'passing']);
    },
  );
});
