/**
 * One call of `append`: it succeeds when the last of its records has its offset and our own followers have them all, and fails
 * as soon as one record does.
 */
import type { LogPosition, Offset } from '../../../event-log/event-log.ts';

export class AppendCall {
  readonly deadlineMs: number;
  readonly positions: Promise<readonly LogPosition[]>;
  /** Nothing more is expected of it: its records that have not been sent need not be. */
  settled = false;
  readonly #positions: LogPosition[] = [];
  readonly #handedOver: (positions: readonly LogPosition[]) => Promise<void>;
  #missing: number;
  #resolve: (positions: readonly LogPosition[]) => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;

  /** `deadlineMs` by `performance.now()`. */
  constructor(
    records: number,
    deadlineMs: number,
    handedOver: (positions: readonly LogPosition[]) => Promise<void>,
  ) {
    this.#missing = records;
    this.deadlineMs = deadlineMs;
    this.#handedOver = handedOver;
    this.positions = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  place(index: number, partition: number, offset: Offset): void {
    this.#positions[index] = { partition, offset };
    if (--this.#missing === 0) void this.#succeed();
  }

  fail(error: unknown): void {
    if (this.settled) return;
    this.settled = true;
    this.#reject(error);
  }

  async #succeed(): Promise<void> {
    await this.#handedOver(this.#positions);
    if (this.settled) return;
    this.settled = true;
    this.#resolve(this.#positions);
  }
}
