/** The end of a caller's patience: one moment that every attempt, look-up and wait of a call obeys. */
import type { Timers } from '../../../time/clock.ts';
import { HBaseError, type HBasePlace } from './hbase-error.ts';

export class Deadline {
  readonly timeoutMs: number;
  readonly #timers: Timers;
  readonly #monotonicMs: () => number;
  readonly #endMs: number;
  readonly #signal: AbortSignal | undefined;

  constructor(timeoutMs: number, timers: Timers, monotonicMs: () => number, signal?: AbortSignal) {
    this.timeoutMs = timeoutMs;
    this.#timers = timers;
    this.#monotonicMs = monotonicMs;
    this.#endMs = monotonicMs() + timeoutMs;
    this.#signal = signal;
  }

  remainingMs(): number {
    return Math.max(0, this.#endMs - this.#monotonicMs());
  }

  /** Throws when the time is over or the caller gave up. */
  check(place: HBasePlace, cause?: unknown): void {
    if (this.#signal?.aborted === true) throw this.#aborted(place);
    if (this.remainingMs() === 0) throw this.exceeded(place, cause);
  }

  exceeded(place: HBasePlace, cause?: unknown): HBaseError {
    const why = cause instanceof HBaseError ? `; last: ${cause.what}` : '';
    const what = `not done within ${this.timeoutMs} ms${why}`;
    return new HBaseError('DEADLINE_EXCEEDED', what, { ...place, cause });
  }

  /** Waits, at most until the deadline; rejects with `ABORTED` as soon as the caller gives up. */
  sleep(delayMs: number, place: HBasePlace): Promise<void> {
    return this.#until(place, (resolve) => {
      const timer = this.#timers.after(Math.min(delayMs, this.remainingMs()), resolve);
      return () => {
        timer.cancel();
      };
    });
  }

  /** `work`, unless the deadline or the caller ends the wait for it first. `waitingFor` tells what was in the way. */
  bound<T>(work: Promise<T>, place: HBasePlace, waitingFor: () => unknown): Promise<T> {
    return this.#until(place, (resolve, reject) => {
      const timer = this.#timers.after(this.remainingMs(), () => {
        reject(this.exceeded(place, waitingFor()));
      });
      work.then(resolve, reject);
      return () => {
        timer.cancel();
      };
    });
  }

  #until<T>(
    place: HBasePlace,
    start: (resolve: (value: T) => void, reject: (reason: unknown) => void) => () => void,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        stop();
        this.#signal?.removeEventListener('abort', aborted);
      };
      const aborted = (): void => {
        settle();
        reject(this.#aborted(place));
      };
      const stop = start(
        (value) => {
          settle();
          resolve(value);
        },
        (reason) => {
          settle();
          // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- the reason is passed on as it came
          reject(reason);
        },
      );
      if (this.#signal?.aborted === true) aborted();
      else this.#signal?.addEventListener('abort', aborted, { once: true });
    });
  }

  #aborted(place: HBasePlace): HBaseError {
    return new HBaseError('ABORTED', 'given up', { ...place, cause: this.#signal?.reason });
  }
}
