/**
 * Wakes who waits for tokens: one timer for all of a tenant, none while nobody waits. Ticks are counted, not read from a
 * clock: a process that was stopped wakes nobody twice.
 */
import type { Timers } from '../time/clock.ts';

/** Grain of every wait: a rate is kept over ticks, not within them. */
export const WAKE_TICK_MS = 20;

const NOT_WAITING = -1;

/** Waits for one tick at a time. */
export abstract class Waiter {
  dueTick = NOT_WAITING;

  /** It is time; waits for nothing any more. */
  abstract wake(): void;
}

export class WakeClock {
  readonly #timers: Timers;
  readonly #due = new Map<number, Set<Waiter>>();
  #tick = 0;
  #isTicking = false;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** Wakes `waiter` once, about `delayMs` from now, in place of what it waited for. */
  at(waiter: Waiter, delayMs: number): void {
    this.cancel(waiter);
    waiter.dueTick = this.#tick + Math.max(1, Math.ceil(delayMs / WAKE_TICK_MS));
    const others = this.#due.get(waiter.dueTick);
    if (others === undefined) this.#due.set(waiter.dueTick, new Set([waiter]));
    else others.add(waiter);
    this.#start();
  }

  cancel(waiter: Waiter): void {
    const others = this.#due.get(waiter.dueTick);
    others?.delete(waiter);
    if (others?.size === 0) this.#due.delete(waiter.dueTick);
    waiter.dueTick = NOT_WAITING;
  }

  #start(): void {
    if (this.#isTicking || this.#due.size === 0) return;
    this.#isTicking = true;
    this.#timers.after(WAKE_TICK_MS, () => {
      this.#isTicking = false;
      this.#advance();
      this.#start();
    });
  }

  #advance(): void {
    this.#tick++;
    const due = this.#due.get(this.#tick);
    if (due === undefined) return;
    this.#due.delete(this.#tick);
    for (const waiter of due) waiter.dueTick = NOT_WAITING;
    for (const waiter of due) waiter.wake();
  }
}
