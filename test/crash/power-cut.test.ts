/** Whether these tests would notice: the same power cuts, on a broker that was told not to sync. */
import { describe, expect, it } from 'vitest';
import { bookDeliveries, publishSteadily } from './support/accounting.ts';
import { CrashRig, CRASH_TEST_TIMEOUT_MS, seededFor } from './support/crash-rig.ts';
import { powerCutVictim } from './support/power-cut-victim.ts';

const WINDOW = 4;
/** So many that one of them hits something unsynced. */
const CUTS = 10;
const GAP_MS_MAX = 200;
/** A whole queue arrives in a fraction of this; what is owed then is lost. */
const SETTLE_MS = 5_000;

describe('a power cut', () => {
  it('does lose what was acknowledged without a sync', { timeout: CRASH_TEST_TIMEOUT_MS }, async () => {
    const random = seededFor('unsynced');
    const rig = await CrashRig.around(random, await powerCutVictim(random.fork('disk'), 'os'));
    const sleeper = await rig.device('sleeper');
    await sleeper.subscribed('load/#');
    await sleeper.stop();
    const publisher = await rig.device('publisher', { level: 5 });
    const over = new AbortController();
    const stream = rig.ledger.open('load/t', 1, ['sleeper']);
    const publishing = publishSteadily(publisher, stream, WINDOW, over.signal);
    await rig.killAtRandom(CUTS, GAP_MS_MAX);
    over.abort();
    await publishing;
    await rig.device('sleeper', {}, (device) => {
      bookDeliveries(device, rig.ledger);
    });
    await expect(rig.settle(SETTLE_MS)).rejects.toThrow('deliveries owed');
    expect(rig.ledger.clean).toBe(false);
  });
});
