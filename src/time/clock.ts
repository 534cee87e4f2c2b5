/**
 * Time as the core sees it: passed in, never read. The process wires the system clock, a simulation its own.
 */
export interface Clock {
  /** Wall-clock time, milliseconds since 1970. What is stored and compared across restarts. */
  nowMs(): number;
}

export interface TimerHandle {
  cancel(): void;
}

export interface Timers {
  /** Calls `action` once, not before `delayMs` (0 to 2^31-1) have passed. */
  after(delayMs: number, action: () => void): TimerHandle;
  /** Calls `action` once, after the I/O that is ready now has been handled: the end of this turn. */
  endOfTurn(action: () => void): void;
}
