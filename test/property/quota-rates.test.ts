/** Rates, whatever is asked of them and when: never more than rate × time + burst, and of a shared one everybody a like part. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SharedRate, type LineMember } from '../../src/quota/shared-rate.ts';
import { TokenBucket } from '../../src/quota/token-bucket.ts';
import { WAKE_TICK_MS, WakeClock } from '../../src/quota/wake-clock.ts';
import { ManualTimers } from '../support/manual-timers.ts';

/** What floating-point numbers lose over a whole run. */
const ROUNDING = 1e-6;

const step = fc.record({ waitMs: fc.nat(3_000), count: fc.integer({ min: 1, max: 5_000 }) });
const rate = fc.integer({ min: 1, max: 10_000 });
const burst = fc.integer({ min: 1, max: 10_000 });

describe('a token bucket', () => {
  test('never gives more than rate × time + burst', () => {
    fc.assert(
      fc.property(rate, burst, fc.array(step, { maxLength: 200 }), (ratePerS, most, steps) => {
        const bucket = new TokenBucket(ratePerS, 0, most);
        let nowMs = 0;
        let given = 0;
        for (const { waitMs, count } of steps) {
          nowMs += waitMs;
          for (let asked = 0; asked < count && bucket.take(nowMs); asked++) given++;
          expect(given).toBeLessThanOrEqual((ratePerS * nowMs) / 1_000 + most + ROUNDING);
        }
      }),
    );
  });

  test('lets the last thing spent overdraw it, and has that paid back before anything else', () => {
    fc.assert(
      fc.property(rate, burst, fc.array(step, { maxLength: 200 }), (ratePerS, most, steps) => {
        const bucket = new TokenBucket(ratePerS, 0, most);
        let nowMs = 0;
        let spent = 0;
        for (const { waitMs, count } of steps) {
          nowMs += waitMs;
          if (bucket.isEmpty(nowMs)) continue;
          expect(spent).toBeLessThanOrEqual((ratePerS * nowMs) / 1_000 + most + ROUNDING);
          bucket.spend(count, nowMs);
          spent += count;
        }
      }),
    );
  });

  test('is not empty any more when the wait is over that it told, and never before', () => {
    fc.assert(
      fc.property(rate, burst, fc.integer({ min: 1, max: 100_000 }), (ratePerS, most, count) => {
        const bucket = new TokenBucket(ratePerS, 0, most);
        bucket.spend(count, 0);
        const waitMs = bucket.waitMs(0);
        expect(bucket.isEmpty(0)).toBe(waitMs > 0);
        expect(bucket.tokens(waitMs)).toBeGreaterThanOrEqual(1 - ROUNDING);
      }),
    );
  });

  test('gives nothing for a clock that is set back, nor takes anything', () => {
    const bucket = new TokenBucket(10, 10_000);
    bucket.spend(10, 10_000);
    expect(bucket.tokens(5_000)).toBe(0);
    expect(bucket.tokens(5_100)).toBe(1);
  });

  test('that becomes another one gives no new burst', () => {
    const bucket = new TokenBucket(10, 0);
    bucket.spend(10, 0);
    bucket.change(1_000, 0);
    expect(bucket.tokens(0)).toBe(0);
    expect(bucket.tokens(500)).toBe(500);
    bucket.change(10, 500);
    expect(bucket.tokens(500)).toBe(10);
  });
});

/** Sends as much as it may, in packets of its own size. */
class Flooder implements LineMember {
  grant = 0;
  sent = 0;
  mayGoOn = true;
  readonly packet: number;

  constructor(packet: number) {
    this.packet = packet;
  }

  released(): void {
    this.mayGoOn = true;
  }
}

function flood(packets: readonly number[], ratePerS: number, durationMs: number): Flooder[] {
  const timers = new ManualTimers();
  const shared = new SharedRate(ratePerS, 1, timers, new WakeClock(timers));
  const flooders = packets.map((packet) => new Flooder(packet));
  for (let nowMs = 0; nowMs <= durationMs; nowMs += WAKE_TICK_MS) {
    for (const flooder of flooders) {
      while (flooder.mayGoOn) {
        flooder.sent += flooder.packet;
        flooder.mayGoOn = !shared.spend(flooder, flooder.packet, timers.nowMs());
      }
    }
    timers.advance(WAKE_TICK_MS);
  }
  return flooders;
}

describe('a rate that is shared', () => {
  test('is kept by any number of clients together, but for one packet of each', () => {
    const packets = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(packets, fc.integer({ min: 10, max: 5_000 }), (sizes, ratePerS) => {
        const flooders = flood(sizes, ratePerS, 5_000);
        const total = flooders.reduce((sum, { sent }) => sum + sent, 0);
        const overdrawn = sizes.reduce((sum, size) => sum + size, 0);
        expect(total).toBeLessThanOrEqual(ratePerS * 6.02 + overdrawn);
        // It is used, too: nobody waits while there are tokens.
        expect(total).toBeGreaterThanOrEqual(ratePerS * 5);
      }),
      { numRuns: 50 },
    );
  });

  test('is served in turn: who always wants more gets no more than the others', () => {
    const seconds = 60;
    const flooders = flood(Array<number>(10).fill(1), 100, seconds * 1_000);
    // The burst went to whoever was there first.
    const parts = flooders.slice(1).map(({ sent }) => sent);
    expect(Math.max(...parts) - Math.min(...parts)).toBeLessThanOrEqual(10);
    expect(Math.min(...parts)).toBeGreaterThan(seconds * 8);
  });

  test('who asks for little waits for a turn of the line and no longer', () => {
    const timers = new ManualTimers();
    const shared = new SharedRate(100, 1, timers, new WakeClock(timers));
    const flooders = Array.from({ length: 20 }, () => new Flooder(1));
    const quiet = new Flooder(1);
    let longestMs = 0;
    let waitsSinceMs: number | undefined;
    for (let nowMs = 0; nowMs < 20_000; nowMs += WAKE_TICK_MS) {
      for (const flooder of flooders) {
        while (flooder.mayGoOn) flooder.mayGoOn = !shared.spend(flooder, 1, nowMs);
      }
      if (nowMs % 1_000 === 0 && quiet.mayGoOn) {
        quiet.mayGoOn = !shared.spend(quiet, 1, nowMs);
        waitsSinceMs = nowMs;
      }
      timers.advance(WAKE_TICK_MS);
      if (waitsSinceMs === undefined || !quiet.mayGoOn) continue;
      longestMs = Math.max(longestMs, timers.nowMs() - waitsSinceMs);
      waitsSinceMs = undefined;
    }
    expect(longestMs).toBeGreaterThan(0);
    expect(longestMs).toBeLessThan(1_000);
  });
});
