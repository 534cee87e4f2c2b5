/**
 * How long a member may take it that it has its place: from the moment it SENT the last request that was confirmed, for less than
 * whoever keeps the place waits for the next one. Ends by the clock alone, so a process that was stopped finds it ended at its first
 * instruction; what has ended does not begin again.
 */
import type { TimerHandle, Timers } from '../time/clock.ts';

export interface PlaceLeaseOptions {
  /** Milliseconds that never go back, and pass while the process is stopped. */
  readonly monotonicMs: () => number;
  readonly timers: Timers;
  readonly lengthMs: number;
  /** When the request was sent that took the place. */
  readonly sentAtMs: number;
  /** Called once, not within the question that found it so. */
  readonly onEnd: () => void;
}

export class PlaceLease {
  readonly #options: PlaceLeaseOptions;
  #endsAtMs: number;
  #isHeld = true;
  #timer: TimerHandle | undefined;

  constructor(options: PlaceLeaseOptions) {
    this.#options = options;
    this.#endsAtMs = options.sentAtMs + options.lengthMs;
    this.#watch();
  }

  get isHeld(): boolean {
    if (this.#isHeld && this.#options.monotonicMs() >= this.#endsAtMs) {
      this.give();
      this.#options.timers.endOfTurn(this.#options.onEnd);
    }
    return this.#isHeld;
  }

  /** A request that was sent then has been confirmed. */
  confirm(sentAtMs: number): void {
    if (!this.isHeld) return;
    this.#endsAtMs = Math.max(this.#endsAtMs, sentAtMs + this.#options.lengthMs);
  }

  /** Ends it; `onEnd` is not called any more. */
  give(): void {
    this.#isHeld = false;
    this.#timer?.cancel();
  }

  /** One timer at a time: where it fires too early, the lease has been prolonged meanwhile. */
  #watch(): void {
    const leftMs = Math.max(0, Math.ceil(this.#endsAtMs - this.#options.monotonicMs()));
    this.#timer = this.#options.timers.after(leftMs, () => {
      if (this.isHeld) this.#watch();
    });
  }
}
