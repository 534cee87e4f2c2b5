/**
 * Counts exactly what one run delivered: lost, duplicated and reordered messages per (subscriber, flow), and latencies.
 * In-order delivery, the normal case, costs one comparison and one addition.
 */
import { LatencyHistogram } from './latency-histogram.ts';
import { readHeader } from './payload.ts';

/**
 * `own`: subscriber i gets exactly flow i. `one`: each flow reaches exactly one subscriber, whichever. `every`: each
 * subscriber gets every flow.
 */
export type Expectation = 'own' | 'one' | 'every';

/** Messages due in [fromMs, toMs) are the ones whose latency counts; monotonic milliseconds. */
export interface Window {
  readonly fromMs: number;
  readonly toMs: number;
}

export class DeliveryTally {
  readonly latency = new LatencyHistogram();
  /** Messages that arrived during the window. */
  deliveredInWindow = 0;
  /** Messages that arrived for the first time. */
  delivered = 0;
  duplicated = 0;
  /** First arrivals behind a later message of the same flow. */
  reordered = 0;
  /** Messages that arrived at a subscriber that should not have got them. */
  misdelivered = 0;
  /** Monotonic milliseconds of the last arrival. */
  lastArrivalMs = 0;

  readonly #run: number;
  readonly #flows: number;
  readonly #expectation: Expectation;
  readonly #window: Window;
  /** Per stream: one more than the highest sequence seen. */
  readonly #next: Uint32Array;
  /** Per stream with a gap: the sequences below `next` that have not arrived. */
  readonly #missing = new Map<number, Set<number>>();

  constructor(run: number, subscribers: number, flows: number, expectation: Expectation, window: Window) {
    this.#run = run;
    this.#flows = flows;
    this.#expectation = expectation;
    this.#window = window;
    this.#next = new Uint32Array(expectation === 'every' ? flows * subscribers : flows);
  }

  record(subscriber: number, bytes: Buffer, payloadAt: number, nowMs: number): void {
    const header = readHeader(bytes, payloadAt);
    if (header.run !== this.#run) return;
    const stream = this.#streamOf(subscriber, header.flow);
    if (stream === undefined) {
      this.misdelivered += 1;
      return;
    }
    this.lastArrivalMs = nowMs;
    this.#count(stream, header.sequence);
    if (nowMs >= this.#window.fromMs && nowMs < this.#window.toMs) this.deliveredInWindow += 1;
    if (header.dueMs >= this.#window.fromMs && header.dueMs < this.#window.toMs) {
      this.latency.recordMs(nowMs - header.dueMs);
    }
  }

  #streamOf(subscriber: number, flow: number): number | undefined {
    if (this.#expectation === 'every') return subscriber * this.#flows + flow;
    return this.#expectation === 'one' || subscriber === flow ? flow : undefined;
  }

  #count(stream: number, sequence: number): void {
    const next = this.#next[stream] ?? 0;
    if (sequence === next) {
      this.#next[stream] = next + 1;
      this.delivered += 1;
    } else if (sequence > next) {
      const missing = this.#missing.get(stream) ?? new Set<number>();
      for (let gap = next; gap < sequence; gap += 1) missing.add(gap);
      this.#missing.set(stream, missing);
      this.#next[stream] = sequence + 1;
      this.delivered += 1;
    } else if (this.#missing.get(stream)?.delete(sequence) === true) {
      this.reordered += 1;
      this.delivered += 1;
    } else {
      this.duplicated += 1;
    }
  }
}
