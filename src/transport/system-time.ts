/** The process's clock and timers: what `time/clock.ts` asks for, from Node. */
import type { Clock, TimerHandle, Timers } from '../time/clock.ts';

export class SystemClock implements Clock {
  nowMs(): number {
    return Date.now();
  }
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
