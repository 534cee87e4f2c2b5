/**
 * Keep-alive and CONNECT deadlines of all connections on one coarse timer. Hearing from a client costs one store of
 * a tick number; a connection is looked at about once per deadline. Deadlines are never early and at most two
 * ticks late; ticks are counted, not read from a clock, so a process that was stopped does not blame its clients.
 */
import type { TimerHandle, Timers } from '../time/clock.ts';

/** Coarse against the shortest keep-alive of 1 s. */
export const TICK_MS = 500;

/** Deadlines further away than this many ticks are looked at, and moved on, in between. */
const SLOTS = 256;

const NOT_WATCHED = -1;

/** What the wheel watches. The owner stores `wheel.tick` in `heardTick` whenever the deadline starts anew. */
export abstract class Watched {
  heardTick = 0;
  allowanceTicks = 0;
  slot: number = NOT_WATCHED;

  /** `allowanceTicks` have passed since `heardTick`; no longer watched. */
  abstract onDeadline(): void;
}

export class DeadlineWheel {
  /** Ticks since the start. */
  tick = 0;
  readonly #timers: Timers;
  readonly #tickMs: number;
  readonly #slots: readonly Set<Watched>[];
  #timer: TimerHandle | undefined;

  constructor(timers: Timers, tickMs: number = TICK_MS) {
    this.#timers = timers;
    this.#tickMs = tickMs;
    this.#slots = Array.from({ length: SLOTS }, () => new Set<Watched>());
  }

  start(): void {
    this.#timer ??= this.#timers.after(this.#tickMs, () => {
      this.#timer = undefined;
      this.start();
      this.advance();
    });
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Gives the entry a deadline `durationMs` from now, or from the tick given, in place of the one it had. */
  watch(entry: Watched, durationMs: number, sinceTick: number = this.tick): void {
    this.unwatch(entry);
    entry.heardTick = sinceTick;
    // The tick that is under way has begun already: one more makes up for it.
    entry.allowanceTicks = Math.ceil(durationMs / this.#tickMs) + 1;
    this.#place(entry, Math.max(1, sinceTick + entry.allowanceTicks - this.tick));
  }

  unwatch(entry: Watched): void {
    if (entry.slot !== NOT_WATCHED) this.#slots[entry.slot]?.delete(entry);
    entry.slot = NOT_WATCHED;
  }

  /** One tick passes. Called by the timer; tests call it instead of waiting. */
  advance(): void {
    this.tick++;
    const entries = this.#slots[this.tick % SLOTS];
    if (entries === undefined) return;
    for (const entry of entries) {
      const remaining = entry.heardTick + entry.allowanceTicks - this.tick;
      entries.delete(entry);
      entry.slot = NOT_WATCHED;
      if (remaining > 0) this.#place(entry, remaining);
      else entry.onDeadline();
    }
  }

  #place(entry: Watched, ticks: number): void {
    // Never a whole turn ahead: the slot that is being walked must not grow.
    entry.slot = (this.tick + Math.min(ticks, SLOTS - 1)) % SLOTS;
    this.#slots[entry.slot]?.add(entry);
  }
}
