/** A clock and its timers, which fire when a test says so, in the order they are due. */
import type { Clock, TimerHandle, Timers } from '../../src/time/clock.ts';

interface Waiting {
  readonly dueMs: number;
  readonly action: () => void;
}

export class ManualTimers implements Clock, Timers {
  #nowMs = 0;
  readonly #waiting = new Set<Waiting>();

  nowMs(): number {
    return this.#nowMs;
  }

  /** Timers that have neither fired nor been cancelled. */
  get count(): number {
    return this.#waiting.size;
  }

  after(delayMs: number, action: () => void): TimerHandle {
    const waiting = { dueMs: this.#nowMs + delayMs, action };
    this.#waiting.add(waiting);
    return { cancel: () => this.#waiting.delete(waiting) };
  }

  endOfTurn(action: () => void): void {
    setImmediate(action);
  }

  advance(byMs: number): void {
    const untilMs = this.#nowMs + byMs;
    for (;;) {
      const due = [...this.#waiting]
        .filter(({ dueMs }) => dueMs <= untilMs)
        .sort((a, b) => a.dueMs - b.dueMs)[0];
      if (due === undefined) break;
      this.#waiting.delete(due);
      this.#nowMs = due.dueMs;
      due.action();
    }
    this.#nowMs = untilMs;
  }
}
