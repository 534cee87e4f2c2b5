/** Subscriptions come and go and change their QoS; kills come at random moments in between. */
import { describe, it } from 'vitest';
import { CrashRig, CRASH_TEST_TIMEOUT_MS, RANDOM_KILLS } from './support/crash-rig.ts';
import { expectSubscriptionsKept } from './support/subscription-churn.ts';

describe('a broker killed while clients subscribe and unsubscribe', () => {
  it('has exactly the subscriptions it acknowledged', { timeout: CRASH_TEST_TIMEOUT_MS }, async () => {
    await expectSubscriptionsKept(await CrashRig.spawn('subscribing'), RANDOM_KILLS);
  });
});
