/**
 * The driver processes of one measurement: splits independent work among them and adds up what they report.
 */
import type { TrafficResult } from './calls.ts';
import { DriverProcess } from './driver-process.ts';
import { LatencyHistogram } from './latency-histogram.ts';

/** One driver's part of a numbered range. */
export interface Share {
  readonly driver: DriverProcess;
  /** Which of the parts, from 0. */
  readonly part: number;
  readonly first: number;
  readonly count: number;
  /** `count` as a part of the whole, 0 to 1. */
  readonly fraction: number;
}

export class DriverPool {
  readonly #drivers: readonly DriverProcess[];

  constructor(count: number) {
    this.#drivers = Array.from({ length: count }, () => new DriverProcess());
  }

  /** `total` things in contiguous parts of nearly equal size, none empty. */
  shares(total: number): Share[] {
    const parts = Math.min(this.#drivers.length, total);
    return this.#drivers.slice(0, parts).map((driver, part) => {
      const first = Math.floor((total * part) / parts);
      const count = Math.floor((total * (part + 1)) / parts) - first;
      return { driver, part, first, count, fraction: count / total };
    });
  }

  /** Everything with one driver: for work in which every connection has to do with every other. */
  whole(total: number): Share[] {
    return this.shares(1).map((share) => ({ ...share, count: total }));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#drivers.map((driver) => driver.stop()));
  }
}

/** What several drivers measured in the same window, as if one had. */
export function mergeTraffic(results: readonly TrafficResult[]): TrafficResult {
  const latency = new LatencyHistogram();
  for (const result of results) latency.add(new LatencyHistogram(result.latencyCounts));
  const sum = (value: (result: TrafficResult) => number): number =>
    results.reduce((total, result) => total + value(result), 0);
  return {
    sent: sum((result) => result.sent),
    acknowledged: sum((result) => result.acknowledged),
    acknowledgedInWindow: sum((result) => result.acknowledgedInWindow),
    delivered: sum((result) => result.delivered),
    deliveredInWindow: sum((result) => result.deliveredInWindow),
    lost: sum((result) => result.lost),
    duplicated: sum((result) => result.duplicated),
    reordered: sum((result) => result.reordered),
    misdelivered: sum((result) => result.misdelivered),
    latencyCounts: latency.counts,
    windowMs: Math.max(...results.map((result) => result.windowMs)),
    driverCpuMs: sum((result) => result.driverCpuMs),
    failures: results.flatMap((result) => result.failures),
  };
}
