/** Timers that run when a test says so; the end of the turn is the real one. */
import type { TimerHandle, Timers } from '../../../src/time/clock.ts';

export class ManualTimers implements Timers {
  #pending = new Set<() => void>();

  /** Timers that wait. */
  get pending(): number {
    return this.#pending.size;
  }

  after(_delayMs: number, action: () => void): TimerHandle {
    this.#pending.add(action);
    return {
      cancel: () => {
        this.#pending.delete(action);
      },
    };
  }

  endOfTurn(action: () => void): void {
    setImmediate(action);
  }

  /** Lets everything that waits happen, `times` times over. */
  elapse(times = 1): void {
    for (let round = 0; round < times; round++) {
      const due = this.#pending;
      this.#pending = new Set();
      for (const action of due) action();
    }
  }
}
