/**
 * The end of a caller's patience: one moment that every attempt, look-up and wait of a call obeys. Waits end earlier when the caller gives
 * up or the client is closed.
 */
import type { Timers } from '../../../time/clock.ts';
import { HBaseError, type HBasePlace } from './hbase-error.ts';

/** What all deadlines of a client go by. */
export interface DeadlineContext {
  readonly timers: Timers;
  /** Milliseconds that never jump. */
  readonly monotonicMs: () => number;
  /** Fires when the client is closed. */
  readonly closing: AbortSignal;
}

export class Deadline {
  readonly timeoutMs: number;
  readonly #context: DeadlineContext;
  readonly #endMs: number;
  readonly #signal: AbortSignal | undefined;

  constructor(timeoutMs: number, context: DeadlineContext, signal?: AbortSignal) {
    this.timeoutMs = timeoutMs;
    this.#context = context;
    this.#endMs = context.monotonicMs() + timeoutMs;
    this.#signal = signal;
  }

  remainingMs(): number {
    return Math.max(0, this.#endMs - this.#context.monotonicMs());
  }

  /** Throws when the time is over, the caller gave up or the client was closed. */
  check(place: HBasePlace): void {
    if (this.#context.closing.aborted || this.#signal?.aborted === true) throw this.#stopped(place);
    if (this.remainingMs() === 0) throw this.exceeded(place);
  }

  /** `last` is what kept the call from being done. */
  exceeded(place: HBasePlace, last?: HBaseError): HBaseError {
    const why = last === undefined ? '' : `; last: ${last.what}`;
    const what = `not done within ${this.timeoutMs} ms${why}`;
    return new HBaseError('DEADLINE_EXCEEDED', what, { ...place, cause: last });
  }

  /** Waits, at most until the deadline. */
  sleep(delayMs: number, place: HBasePlace): Promise<void> {
    return this.#wait(Math.min(delayMs, this.remainingMs()), place, (resolve) => {
      resolve();
    });
  }

  /** `work`, unless something ends the wait for it first; `late` makes the error when it is the deadline. */
  bound<T>(work: Promise<T>, place: HBasePlace, late = () => this.exceeded(place)): Promise<T> {
    return this.#wait(
      this.remainingMs(),
      place,
      (_resolve, reject) => {
        reject(late());
      },
      work,
    );
  }

  /** As `bound` when the caller may give up; otherwise `work` itself, which has a timeout of its own and needs no second timer. */
  abortable<T>(work: Promise<T>, place: HBasePlace): Promise<T> {
    return this.#signal === undefined ? work : this.bound(work, place);
  }

  #wait<T>(
    delayMs: number,
    place: HBasePlace,
    onTime: (resolve: (value: T) => void, reject: (reason: HBaseError) => void) => void,
    work?: Promise<T>,
  ): Promise<T> {
    const { timers, closing } = this.#context;
    return new Promise<T>((resolve, reject) => {
      const stop = (): void => {
        reject(this.#stopped(place));
        release();
      };
      const timer = timers.after(delayMs, () => {
        onTime(resolve, reject);
        release();
      });
      const release = (): void => {
        timer.cancel();
        this.#signal?.removeEventListener('abort', stop);
        closing.removeEventListener('abort', stop);
      };
      void work?.then(resolve, reject).finally(release);
      if (closing.aborted || this.#signal?.aborted === true) {
        stop();
      } else {
        closing.addEventListener('abort', stop);
        this.#signal?.addEventListener('abort', stop);
      }
    });
  }

  #stopped(place: HBasePlace): HBaseError {
    if (this.#context.closing.aborted) return new HBaseError('CLOSED', 'the client is closed', place);
    return new HBaseError('ABORTED', 'given up', { ...place, cause: this.#signal?.reason });
  }
}
