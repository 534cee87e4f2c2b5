/** Delays over the time of a run: one histogram for each second in which messages were published. */
import { DelayHistogram } from '../../src/fleet/delay-histogram.ts';

export interface DelayPoint {
  /** Since the start of the run. */
  readonly atS: number;
  readonly medianMs: number;
  readonly worstMs: number;
  readonly count: number;
}

export class DelaySeries {
  readonly #startMs: number;
  readonly #seconds = new Map<number, DelayHistogram>();

  constructor(startMs: number) {
    this.#startMs = startMs;
  }

  add(sentMs: number, nowMs: number): void {
    const second = Math.floor((sentMs - this.#startMs) / 1000);
    let histogram = this.#seconds.get(second);
    if (histogram === undefined) this.#seconds.set(second, (histogram = new DelayHistogram()));
    histogram.add(nowMs - sentMs);
  }

  /** In order of time. */
  points(): readonly DelayPoint[] {
    return Array.from(this.#seconds, ([atS, histogram]) => ({
      atS,
      medianMs: histogram.quantileMs(0.5),
      worstMs: histogram.worstMs,
      count: histogram.count,
    })).sort((one, other) => one.atS - other.atS);
  }

  /** Over the whole run. */
  quantileMs(fraction: number): number {
    const whole = new DelayHistogram();
    for (const histogram of this.#seconds.values()) whole.merge(histogram);
    return whole.quantileMs(fraction);
  }
}
