/** Steady traffic at QoS 1 and 2, in and out, over kills at random moments. */
import { describe, expect, it } from 'vitest';
import { bookDeliveries, publishSteadily } from './support/accounting.ts';
import { CrashRig, CRASH_TEST_TIMEOUT_MS, RANDOM_KILLS } from './support/crash-rig.ts';

const SUBSCRIBERS = 3;
const PUBLISHERS = 4;
const WINDOW = 6;
const GAP_MS_MAX = 500;

describe('a broker killed while messages are published and acknowledged', () => {
  it(
    'delivers everything it acknowledged, in order, and QoS 2 exactly once',
    { timeout: CRASH_TEST_TIMEOUT_MS },
    async () => {
      const rig = await CrashRig.spawn('publishing');
      const names = Array.from({ length: SUBSCRIBERS }, (_none, index) => `subscriber-${index}`);
      for (const [index, name] of names.entries()) {
        // One acknowledges at once, the others late and in bursts.
        const subscriber = await rig.device(name, {
          level: index % 2 === 0 ? 5 : 4,
          ackHoldMsMax: index * 20,
        });
        bookDeliveries(subscriber, rig.ledger);
        await subscriber.subscribed('load/#');
      }
      const over = new AbortController();
      const publishing: Promise<void>[] = [];
      for (let index = 0; index < PUBLISHERS; index++) {
        const publisher = await rig.device(`publisher-${index}`, { level: index % 2 === 0 ? 4 : 5 });
        for (const qos of [1, 2] as const) {
          const stream = rig.ledger.open(`load/${index}`, qos, names);
          publishing.push(publishSteadily(publisher, stream, WINDOW, over.signal));
        }
      }
      await rig.killAtRandom(RANDOM_KILLS * 2, GAP_MS_MAX);
      over.abort();
      await Promise.all(publishing);
      await rig.expectEverythingDelivered();
      expect(rig.ledger.totals(1).acknowledged).toBeGreaterThan(RANDOM_KILLS);
      expect(rig.ledger.totals(2).acknowledged).toBeGreaterThan(RANDOM_KILLS);
    },
  );

  it(
    'keeps what was queued for a client that was away during every kill',
    { timeout: CRASH_TEST_TIMEOUT_MS },
    async () => {
      const rig = await CrashRig.spawn('offline queue');
      const before = await rig.device('sleeper');
      await before.subscribed('night/#');
      await before.stop();
      const publisher = await rig.device('publisher', { level: 5 });
      const over = new AbortController();
      const publishing = ([1, 2] as const).map((qos) =>
        publishSteadily(publisher, rig.ledger.open('night/t', qos, ['sleeper']), WINDOW, over.signal),
      );
      await rig.killAtRandom(Math.ceil(RANDOM_KILLS / 2), GAP_MS_MAX);
      over.abort();
      await Promise.all(publishing);
      expect(rig.ledger.owed).toBeGreaterThan(0);

      await rig.device('sleeper', { expectSession: true, ackHoldMsMax: 5 }, (device) => {
        bookDeliveries(device, rig.ledger);
      });
      await rig.expectEverythingDelivered();
    },
  );
});
