import { describe, expect, it } from 'vitest';
import { LatencyHistogram } from '../../../../bench/driver/latency-histogram.ts';

describe('LatencyHistogram', () => {
  it('is off by at most one part in 64, never downwards', () => {
    for (const ms of [0.001, 0.063, 0.064, 0.1, 1, 7.77, 499.9, 60_000, 2_000_000]) {
      const histogram = new LatencyHistogram();
      histogram.recordMs(ms);
      const answer = histogram.percentileMs(100);
      expect(answer).toBeGreaterThanOrEqual(ms - 0.0005);
      expect(answer).toBeLessThanOrEqual(ms * (1 + 1 / 64));
    }
  });

  it('finds percentiles by rank', () => {
    const histogram = new LatencyHistogram();
    for (let ms = 1; ms <= 100; ms += 1) histogram.recordMs(ms);
    expect(histogram.percentileMs(50)).toBeCloseTo(50, -1);
    expect(histogram.percentileMs(99)).toBeGreaterThanOrEqual(99);
    expect(histogram.percentileMs(99)).toBeLessThan(101);
  });

  it('adds up counts that came from another process', () => {
    const first = new LatencyHistogram();
    const second = new LatencyHistogram();
    first.recordMs(1);
    second.recordMs(1000);
    first.add(new LatencyHistogram(second.counts));
    expect(first.total).toBe(2);
    expect(first.percentileMs(100)).toBeGreaterThanOrEqual(1000);
  });

  it('has no percentile of nothing', () => {
    expect(new LatencyHistogram().percentileMs(99)).toBeNaN();
  });
});
