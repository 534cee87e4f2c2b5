/** Steady traffic at QoS 1 and 2, in and out, over crashes at random moments. */
import { describe, expect, it } from 'vitest';
import { bookDeliveries, publishSteadily } from './support/accounting.ts';
import { CRASH_TEST_TIMEOUT_MS } from './support/crash-rig.ts';
import { CRASHES } from './support/crashes.ts';

const SUBSCRIBERS = 3;
const PUBLISHERS = 4;
const WINDOW = 6;
/** So that the test is about something: each stream has this many acknowledged by the end. */
const MESSAGES_MIN = 50;
const GAP_MS_MAX = 500;

for (const crash of CRASHES) {
  describe(`a broker that ${crash.dies} while messages are published and acknowledged`, () => {
    it(
      'delivers everything it acknowledged, in order, and QoS 2 exactly once',
      { timeout: CRASH_TEST_TIMEOUT_MS },
      async () => {
        const rig = await crash.rig('publishing');
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
        await rig.killAtRandom(crash.times, GAP_MS_MAX);
        over.abort();
        await Promise.all(publishing);
        await rig.expectEverythingDelivered();
        expect(rig.ledger.totals(1).acknowledged).toBeGreaterThan(MESSAGES_MIN);
        expect(rig.ledger.totals(2).acknowledged).toBeGreaterThan(MESSAGES_MIN);
      },
    );

    it(
      'keeps what was queued for a client that was away during every crash',
      { timeout: CRASH_TEST_TIMEOUT_MS },
      async () => {
        const rig = await crash.rig('offline queue');
        const before = await rig.device('sleeper');
        await before.subscribed('night/#');
        await before.stop();
        const publisher = await rig.device('publisher', { level: 5 });
        const over = new AbortController();
        const publishing = ([1, 2] as const).map((qos) =>
          publishSteadily(publisher, rig.ledger.open('night/t', qos, ['sleeper']), WINDOW, over.signal),
        );
        await rig.killAtRandom(Math.ceil(crash.times / 2), GAP_MS_MAX);
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
}
