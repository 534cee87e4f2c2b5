import { describe, expect, it } from 'vitest';
import { PlaceLease } from '../../../src/cluster/place-lease.ts';
import { SimulatedTime } from '../../support/simulated-time.ts';

const LENGTH_MS = 700;

/** Timers that fire late, as after a stop of the process: only when the test lets them. */
function leaseOn(timers: SimulatedTime, monotonicMs: () => number) {
  const seen = { ends: 0 };
  const lease = new PlaceLease({
    monotonicMs,
    timers,
    lengthMs: LENGTH_MS,
    sentAtMs: monotonicMs(),
    onEnd: () => seen.ends++,
  });
  return { lease, seen };
}

describe('the lease of a place', () => {
  it('lasts from the moment a request was sent, not from the one it was answered', async () => {
    const time = new SimulatedTime();
    const { lease, seen } = leaseOn(time, () => time.nowMs());
    const sentAtMs = time.nowMs() + 100;
    await time.advance(600);
    lease.confirm(sentAtMs);
    await time.advance(199);
    expect(lease.isHeld).toBe(true);
    await time.advance(1);
    expect(lease.isHeld).toBe(false);
    expect(seen.ends).toBe(1);
  });

  it('is found ended before any timer fires', () => {
    let nowMs = 0;
    const { lease } = leaseOn(new SimulatedTime(), () => nowMs);
    nowMs = LENGTH_MS - 1;
    expect(lease.isHeld).toBe(true);
    nowMs = LENGTH_MS;
    expect(lease.isHeld).toBe(false);
  });

  it('does not begin again, whatever is confirmed, and tells its end once', async () => {
    const time = new SimulatedTime();
    let nowMs = 0;
    const { lease, seen } = leaseOn(time, () => nowMs);
    nowMs = LENGTH_MS;
    lease.confirm(LENGTH_MS - 1);
    expect(lease.isHeld).toBe(false);
    expect(seen.ends).toBe(0);
    await time.advance(10_000);
    expect(lease.isHeld).toBe(false);
    expect(seen.ends).toBe(1);
  });

  it('an answer that came out of order shortens nothing', () => {
    let nowMs = 0;
    const { lease } = leaseOn(new SimulatedTime(), () => nowMs);
    lease.confirm(500);
    lease.confirm(200);
    nowMs = 500 + LENGTH_MS - 1;
    expect(lease.isHeld).toBe(true);
  });

  it('tells its end by itself, and not when it was given up', async () => {
    const time = new SimulatedTime();
    const [alone, given] = [leaseOn(time, () => time.nowMs()), leaseOn(time, () => time.nowMs())];
    given.lease.give();
    expect(given.lease.isHeld).toBe(false);
    await time.advance(2 * LENGTH_MS);
    expect([alone.seen.ends, given.seen.ends]).toEqual([1, 0]);
  });
});
