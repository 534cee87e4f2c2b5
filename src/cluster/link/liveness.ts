/**
 * Watches one connection: says when to ping, because nothing was sent, and when to cut, because nothing came. Counts in whole
 * intervals, so that a process that was stopped for long does not take its own silence for the peer's.
 */
import type { TimerHandle, Timers } from '../../time/clock.ts';
import type { LinkLimits } from './link-settings.ts';

export interface LivenessListener {
  onIdle(): void;
  onSilent(): void;
}

export class Liveness {
  readonly #timers: Timers;
  readonly #idleMs: number;
  readonly #silentIntervals: number;
  readonly #listener: LivenessListener;
  #timer: TimerHandle;
  #hasSent = false;
  #hasReceived = false;
  #silent = 0;

  constructor(
    timers: Timers,
    { idleMs, silentMs }: Pick<LinkLimits, 'idleMs' | 'silentMs'>,
    listener: LivenessListener,
  ) {
    this.#timers = timers;
    this.#idleMs = idleMs;
    this.#silentIntervals = Math.ceil(silentMs / idleMs);
    this.#listener = listener;
    this.#timer = this.#next();
  }

  sent(): void {
    this.#hasSent = true;
  }

  received(): void {
    this.#hasReceived = true;
  }

  stop(): void {
    this.#timer.cancel();
  }

  #next(): TimerHandle {
    return this.#timers.after(this.#idleMs, () => {
      this.#judge();
    });
  }

  #judge(): void {
    this.#silent = this.#hasReceived ? 0 : this.#silent + 1;
    if (this.#silent >= this.#silentIntervals) {
      this.#listener.onSilent();
      return;
    }
    this.#timer = this.#next();
    if (!this.#hasSent) this.#listener.onIdle();
    this.#hasSent = this.#hasReceived = false;
  }
}
