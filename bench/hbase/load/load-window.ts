/** The stretch of time in which a load process counts: opened after the warm-up, told to whoever started the process. */
import { setTimeout as delay } from 'node:timers/promises';
import { LatencyHistogram } from '../../driver/latency-histogram.ts';
import type { LoadFigures } from '../load-process.ts';
import { preciseNowMs } from './bench-message.ts';

export class LoadWindow {
  readonly #latencies = new LatencyHistogram();
  readonly #callsSoFar: () => number;
  #messages = 0;
  #openedAtMs: number | undefined;
  #isOver = false;
  #tellFirst: () => void = () => undefined;
  readonly #first = new Promise<void>((resolve) => {
    this.#tellFirst = resolve;
  });

  constructor(callsSoFar: () => number) {
    this.#callsSoFar = callsSoFar;
  }

  /** Whoever makes load stops. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** So many messages became durable together, after so long. */
  count(messages: number, latencyMs: number): void {
    if (this.#messages === 0) this.#tellFirst();
    this.#messages += messages;
    if (this.#openedAtMs !== undefined && !this.#isOver) this.#latencies.recordMs(latencyMs);
  }

  /** Opens the window when the first message is durable and `warmUpMs` have passed. */
  async run(warmUpMs: number, windowMs: number): Promise<LoadFigures> {
    await this.#first;
    await delay(warmUpMs);
    const openedAtMs = preciseNowMs();
    const messagesBefore = this.#messages;
    const callsBefore = this.#callsSoFar();
    this.#openedAtMs = openedAtMs;
    console.log(JSON.stringify({ event: 'begin' }));
    await delay(windowMs);
    this.#isOver = true;
    return {
      messages: this.#messages - messagesBefore,
      calls: this.#callsSoFar() - callsBefore,
      elapsedMs: preciseNowMs() - openedAtMs,
      p50Ms: this.#latencies.percentileMs(50),
      p99Ms: this.#latencies.percentileMs(99),
    };
  }
}
