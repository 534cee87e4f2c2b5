/** Sessions begin, resume, start clean, end and expire, wills wait; crashes come in between. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { RawClient } from '../support/raw-client.ts';
import { CRASH_TEST_TIMEOUT_MS } from './support/crash-rig.ts';
import { CRASHES } from './support/crashes.ts';
import { Visitor } from './support/visitor.ts';

const VISITORS = 6;
const GAP_MS_MAX = 300;

for (const crash of CRASHES) {
  describe(`a broker that ${crash.dies} while sessions begin and end`, () => {
    it(
      'keeps the sessions it promised to keep and no others',
      { timeout: CRASH_TEST_TIMEOUT_MS },
      async () => {
        const rig = await crash.rig('sessions');
        const probe = await rig.device('probe');
        const visitors = Array.from({ length: VISITORS }, (_none, index) => {
          const clientId = `visitor-${index}`;
          return new Visitor(clientId, index % 2 === 0 ? 5 : 4, rig.victim.port, rig.random.fork(clientId));
        });
        for (let round = 1; round <= crash.times; round++) {
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
      },
    );

    it(
      'expires a session whose time ran out while the broker was dead',
      { timeout: CRASH_TEST_TIMEOUT_MS },
      async () => {
        const rig = await crash.rig('expiry');
        const connect = async (clientId: string, sessionExpiryInterval: number) =>
          await RawClient.connect(
            { port: rig.victim.port, level: 5 },
            { clientId, clean: false, properties: { sessionExpiryInterval } },
          );
        for (const [clientId, expiryS] of [
          ['short', 1],
          ['long', 3_600],
        ] as const) {
          const { client } = await connect(clientId, expiryS);
          client.send({ cmd: 'disconnect', reasonCode: 0 });
          await client.closed();
        }
        // DISCONNECT has no acknowledgement; what is acknowledged after it has it on disk, for the log is in order.
        await connect('witness', 3_600);
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
        const rig = await crash.rig('will');
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
}
