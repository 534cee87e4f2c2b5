import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DelayHistogram } from '../../src/fleet/delay-histogram.ts';

describe('a delay histogram', () => {
  it('knows the worst delay exactly and any quantile within five percent', () => {
    const delays = fc.array(fc.double({ min: 0.1, max: 100_000, noNaN: true }), {
      minLength: 1,
      maxLength: 200,
    });
    fc.assert(
      fc.property(delays, fc.constantFrom(0.5, 0.99, 1), (list, fraction) => {
        const histogram = new DelayHistogram();
        for (const delay of list) histogram.add(delay);
        const sorted = list.toSorted((one, other) => one - other);
        const exact = sorted[Math.ceil(fraction * sorted.length) - 1] ?? 0;
        expect(histogram.count).toBe(list.length);
        expect(histogram.worstMs).toBe(sorted.at(-1));
        expect(histogram.quantileMs(fraction)).toBeGreaterThanOrEqual(exact * 0.999);
        expect(histogram.quantileMs(fraction)).toBeLessThanOrEqual(exact * 1.051);
      }),
    );
  });

  it('has no delay when nothing was delivered', () => {
    expect(new DelayHistogram().quantileMs(0.99)).toBe(0);
  });
});
