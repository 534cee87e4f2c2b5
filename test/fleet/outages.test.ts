import { describe, expect, it } from 'vitest';
import { killMoments } from '../../src/fleet/outages.ts';
import { SeededRandom } from '../../src/fleet/seeded-random.ts';

describe('seeded outages', () => {
  it('come at the same moments for the same seed and at others for another', () => {
    const moments = (seed: number) => killMoments(6, 60_000, new SeededRandom(seed).fork('kills'));
    expect(moments(1)).toEqual(moments(1));
    expect(moments(1)).not.toEqual(moments(2));
  });

  it('are ascending and clear of the ends of the ride', () => {
    const moments = killMoments(500, 1_000, new SeededRandom(3));
    expect(moments).toEqual(moments.toSorted((one, other) => one - other));
    expect(Math.min(...moments)).toBeGreaterThanOrEqual(40);
    expect(Math.max(...moments)).toBeLessThanOrEqual(960);
  });

  it('do not shift when another part draws more', () => {
    const calm = new SeededRandom(9);
    const busy = new SeededRandom(9);
    for (let draw = 0; draw < 10; draw++) busy.fork('other').next();
    expect(busy.fork('mine').next()).toBe(calm.fork('mine').next());
  });
});

describe('a seeded random generator', () => {
  it('is uniform enough to spread events', () => {
    const random = new SeededRandom(4);
    const counts = new Array<number>(10).fill(0);
    for (let draw = 0; draw < 10_000; draw++) {
      const bucket = random.integer(0, 9);
      counts[bucket] = (counts[bucket] ?? 0) + 1;
    }
    expect(Math.min(...counts)).toBeGreaterThan(900);
    expect(Math.max(...counts)).toBeLessThan(1_100);
  });

  it('gives exponential times around their mean', () => {
    const random = new SeededRandom(5);
    const draws = Array.from({ length: 10_000 }, () => random.exponential(50));
    expect(draws.reduce((sum, draw) => sum + draw, 0) / draws.length).toBeCloseTo(50, -1);
    expect(Math.min(...draws)).toBeGreaterThanOrEqual(0);
  });
});
