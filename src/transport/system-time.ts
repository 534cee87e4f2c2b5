/** The process's clock and timers: what `time/clock.ts` asks for, from Node. */
import type { Clock, TimerHandle, Timers } from '../time/clock.ts';

/**
 * Reads the time once per turn of the event loop: a broker asks for it several times per message, and a turn is
 * shorter than anything that is timed.
 */
export class SystemClock implements Clock {
  /** 0: not read in this turn. */
  #nowMs = 0;

  nowMs(): number {
    if (this.#nowMs === 0) {
      this.#nowMs = Date.now();
      setImmediate(this.#forget);
    }
    return this.#nowMs;
  }

  readonly #forget = (): void => {
    this.#nowMs = 0;
  };
}

export class SystemTimers implements Timers {
  after(delayMs: number, action: () => void): TimerHandle {
    const timeout = setTimeout(action, delayMs);
    return {
      cancel: () => {
        clearTimeout(timeout);
      },
    };
  }

  endOfTurn(action: () => void): void {
    setImmediate(action);
  }
}
