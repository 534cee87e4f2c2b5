/** A wait that can be cut short for good. */
import type { TimerHandle, Timers } from '../time/clock.ts';

export class Pause {
  readonly #timers: Timers;
  #timer: TimerHandle | undefined;
  #wake: (() => void) | undefined;
  #hasEnded = false;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** No wait is any longer from now on. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** One at a time. */
  wait(ms: number): Promise<void> {
    if (this.#hasEnded) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wake = resolve;
      this.#timer = this.#timers.after(ms, resolve);
    });
  }

  end(): void {
    this.#hasEnded = true;
    this.#timer?.cancel();
    this.#wake?.();
  }
}
