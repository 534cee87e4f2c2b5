/** The power goes at random moments: only what was synced is sure to be there, and nothing acknowledged may be missing. */
import { describe, expect, it } from 'vitest';
import { bookDeliveries, publishSteadily } from './support/accounting.ts';
import { CrashRig, CRASH_TEST_TIMEOUT_MS, RANDOM_KILLS, seededFor } from './support/crash-rig.ts';
import { powerCutVictim } from './support/power-cut-victim.ts';
import { expectSubscriptionsKept } from './support/subscription-churn.ts';

const SUBSCRIBERS = ['prompt', 'late'];
const WINDOW = 4;
const GAP_MS_MAX = 250;

describe('a broker that loses power', () => {
  it(
    'delivers everything it acknowledged, in order, and QoS 2 exactly once',
    { timeout: CRASH_TEST_TIMEOUT_MS },
    async () => {
      const random = seededFor('power cut');
      const victim = await powerCutVictim(random.fork('disk'));
      const rig = await CrashRig.around(random, victim);
      for (const [index, name] of SUBSCRIBERS.entries()) {
        const subscriber = await rig.device(name, { level: index === 0 ? 4 : 5, ackHoldMsMax: index * 20 });
        bookDeliveries(subscriber, rig.ledger);
        await subscriber.subscribed('load/#');
      }
      const publisher = await rig.device('publisher', { level: 5 });
      const over = new AbortController();
      const publishing = ([1, 2] as const).map((qos) =>
        publishSteadily(publisher, rig.ledger.open('load/t', qos, SUBSCRIBERS), WINDOW, over.signal),
      );
      await rig.killAtRandom(RANDOM_KILLS * 2, GAP_MS_MAX);
      over.abort();
      await Promise.all(publishing);
      await rig.expectEverythingDelivered();
      expect(victim.syncs).toBeGreaterThan(RANDOM_KILLS);
      expect(rig.ledger.totals(2).acknowledged).toBeGreaterThan(RANDOM_KILLS);
    },
  );

  it('has exactly the subscriptions it acknowledged', { timeout: CRASH_TEST_TIMEOUT_MS }, async () => {
    const random = seededFor('power cut subscriptions');
    const rig = await CrashRig.around(random, await powerCutVictim(random.fork('disk')));
    await expectSubscriptionsKept(rig, RANDOM_KILLS);
  });
});
