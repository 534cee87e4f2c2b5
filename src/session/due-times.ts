/**
 * When something is due for a client (session expiry, a delayed will), to the second, for any number of clients
 * on one timer; one due time per client. It is only a reason to look: whoever is called decides from the state at
 * that moment.
 */
import type { TimerHandle, Timers, Clock } from '../time/clock.ts';
import type { ClientId } from '../tenancy/identity.ts';

const TICK_MS = 1000;
/** Clients handed over per turn, so that a mass expiry does not hold up the connected ones. */
const CLIENTS_PER_TURN = 500;

export class DueTimes {
  readonly #buckets = new Map<number, Set<ClientId>>();
  /** The bucket of each client that waits. */
  readonly #ticks = new Map<ClientId, number>();
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #due: (clientId: ClientId) => void;
  #ripe: ClientId[] = [];
  #nextTick: number;
  #timer: TimerHandle | undefined;
  #stopped = false;

  constructor(clock: Clock, timers: Timers, due: (clientId: ClientId) => void) {
    this.#clock = clock;
    this.#timers = timers;
    this.#due = due;
    this.#nextTick = tickOf(clock.nowMs());
  }

  /** Clients that wait. */
  get size(): number {
    return this.#ticks.size + this.#ripe.length;
  }

  /** In place of what was due for the client before: one that comes and goes must not leave a trail. */
  at(clientId: ClientId, dueAtMs: number): void {
    if (this.#stopped) return;
    const tick = Math.max(tickOf(dueAtMs), this.#nextTick);
    const before = this.#ticks.get(clientId);
    if (before === tick) return;
    if (before !== undefined) this.#remove(clientId, before);
    this.#ticks.set(clientId, tick);
    let bucket = this.#buckets.get(tick);
    if (bucket === undefined) this.#buckets.set(tick, (bucket = new Set()));
    bucket.add(clientId);
    this.#timer ??= this.#timers.after(TICK_MS, this.#onTick);
  }

  /** For good: what is due later is found again at the next start. */
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#buckets.clear();
    this.#ticks.clear();
    this.#ripe = [];
  }

  readonly #onTick = (): void => {
    this.#timer = undefined;
    this.#collectRipe();
    for (const clientId of this.#ripe.splice(0, CLIENTS_PER_TURN)) this.#due(clientId);
    if (this.#ripe.length > 0) this.#timer ??= this.#timers.after(0, this.#onTick);
    else if (this.#buckets.size > 0) this.#timer ??= this.#timers.after(TICK_MS, this.#onTick);
  };

  #collectRipe(): void {
    const now = Math.floor(this.#clock.nowMs() / TICK_MS);
    // A clock that jumped far ahead must not be walked second by second.
    if (now - this.#nextTick > this.#buckets.size) {
      for (const tick of [...this.#buckets.keys()].sort((a, b) => a - b)) if (tick <= now) this.#take(tick);
    } else {
      for (let tick = this.#nextTick; tick <= now; tick++) this.#take(tick);
    }
    this.#nextTick = Math.max(this.#nextTick, now + 1);
  }

  #take(tick: number): void {
    const bucket = this.#buckets.get(tick);
    if (bucket === undefined) return;
    this.#buckets.delete(tick);
    for (const clientId of bucket) {
      this.#ticks.delete(clientId);
      this.#ripe.push(clientId);
    }
  }

  #remove(clientId: ClientId, tick: number): void {
    const bucket = this.#buckets.get(tick);
    bucket?.delete(clientId);
    if (bucket?.size === 0) this.#buckets.delete(tick);
  }
}

/** The first tick at which `timeMs` has passed. */
function tickOf(timeMs: number): number {
  return Math.ceil(timeMs / TICK_MS);
}
