/**
 * When something is due for a client (session expiry, a delayed will), to the second, for any number of clients
 * on one timer; one due time per client. It is only a reason to look: whoever is called decides from the state at
 * that moment.
 */
import { IntRows } from '../packed/int-rows.ts';
import type { TimerHandle, Timers, Clock } from '../time/clock.ts';
import type { ClientNumber } from './client-table.ts';

const TICK_MS = 1000;
/** Clients handed over per turn, so that a mass expiry does not hold up the connected ones. */
const CLIENTS_PER_TURN = 500;
/**
 * What is due later than in the current span waits by span and is sorted into ticks when its span begins: a week of
 * due times is 600 lists and not 600,000.
 */
const SPAN_TICKS = 1024;
/** What fits a row: 68 years from the start. Who waits longer is looked at then. */
const TICK_MAX = 2 ** 31 - 2;

// Row:  tick after the first one, plus one, 0: does not wait | next and previous client of its list, plus one
const TICK = 0;
const NEXT = 1;
const PREVIOUS = 2;
const FIELDS = 3;

export class DueTimes {
  readonly #rows = new IntRows(FIELDS);
  /** First client of each tick of the current span, plus one. */
  readonly #ticks = new Map<number, number>();
  /** The same for each later span. */
  readonly #spans = new Map<number, number>();
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #due: (client: ClientNumber) => void;
  /** Ticks count from here, so that they fit a row. */
  readonly #firstTick: number;
  #waiting = 0;
  #ripe: ClientNumber[] = [];
  #nextTick = 0;
  /** Ticks before this one have lists of their own. */
  #spanEnd = SPAN_TICKS;
  #timer: TimerHandle | undefined;
  #stopped = false;

  /** `due` may be called for a client that is not on record any more, or that is another one by now. */
  constructor(clock: Clock, timers: Timers, due: (client: ClientNumber) => void) {
    this.#clock = clock;
    this.#timers = timers;
    this.#due = due;
    this.#firstTick = Math.ceil(clock.nowMs() / TICK_MS);
  }

  /** Clients that wait. */
  get size(): number {
    return this.#waiting + this.#ripe.length;
  }

  /** In place of what was due for the client before: one that comes and goes must not leave a trail. */
  at(client: ClientNumber, dueAtMs: number): void {
    if (this.#stopped) return;
    const tick = Math.max(this.#tickAfter(dueAtMs), this.#nextTick);
    const before = this.#rows.get(client, TICK) - 1;
    if (before === tick) return;
    if (before >= 0) this.#remove(client, before);
    this.#insert(client, tick);
    this.#timer ??= this.#timers.after(TICK_MS, this.#onTick);
  }

  /** For good: what is due later is found again at the next start. */
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#ticks.clear();
    this.#spans.clear();
    this.#waiting = 0;
    this.#ripe = [];
  }

  readonly #onTick = (): void => {
    this.#timer = undefined;
    this.#collectRipe();
    for (const client of this.#ripe.splice(0, CLIENTS_PER_TURN)) this.#due(client);
    if (this.#ripe.length > 0) this.#timer ??= this.#timers.after(0, this.#onTick);
    else if (this.#waiting > 0) this.#timer ??= this.#timers.after(TICK_MS, this.#onTick);
  };

  #collectRipe(): void {
    const now = Math.floor(this.#clock.nowMs() / TICK_MS) - this.#firstTick;
    // Only what is there is visited: a clock that jumped far ahead must not be walked second by second.
    for (const tick of sortedUpTo(this.#ticks, now)) this.#take(tick);
    for (const span of sortedUpTo(this.#spans, Math.floor(now / SPAN_TICKS))) {
      this.#nextTick = Math.max(this.#nextTick, span * SPAN_TICKS);
      this.#spanEnd = Math.max(this.#spanEnd, (span + 1) * SPAN_TICKS);
      this.#sortSpan(span);
      for (const tick of sortedUpTo(this.#ticks, now)) this.#take(tick);
    }
    this.#nextTick = Math.max(this.#nextTick, now + 1);
    this.#spanEnd = Math.max(this.#spanEnd, (Math.floor(now / SPAN_TICKS) + 1) * SPAN_TICKS);
  }

  #take(tick: number): void {
    for (const client of this.#unlinkAll(this.#ticks, tick)) {
      this.#rows.set(client, TICK, 0);
      this.#waiting--;
      this.#ripe.push(client);
    }
  }

  #sortSpan(span: number): void {
    for (const client of this.#unlinkAll(this.#spans, span)) {
      this.#waiting--;
      this.#insert(client, this.#rows.get(client, TICK) - 1);
    }
  }

  /** The clients of a list, which is gone then; each may be put into another one when it is its turn. */
  *#unlinkAll(lists: Map<number, number>, key: number): Generator<ClientNumber, void, undefined> {
    let link = lists.get(key) ?? 0;
    lists.delete(key);
    while (link !== 0) {
      const client = (link - 1) as ClientNumber;
      link = this.#rows.get(client, NEXT);
      yield client;
    }
  }

  #insert(client: ClientNumber, tick: number): void {
    const { lists, key } = this.#listOf(tick);
    const next = lists.get(key) ?? 0;
    this.#rows.set(client, TICK, tick + 1);
    this.#rows.set(client, NEXT, next);
    this.#rows.set(client, PREVIOUS, 0);
    if (next !== 0) this.#rows.set(next - 1, PREVIOUS, client + 1);
    lists.set(key, client + 1);
    this.#waiting++;
  }

  #remove(client: ClientNumber, tick: number): void {
    const { lists, key } = this.#listOf(tick);
    const next = this.#rows.get(client, NEXT);
    const previous = this.#rows.get(client, PREVIOUS);
    if (next !== 0) this.#rows.set(next - 1, PREVIOUS, previous);
    if (previous !== 0) this.#rows.set(previous - 1, NEXT, next);
    else if (next !== 0) lists.set(key, next);
    else lists.delete(key);
    this.#rows.set(client, TICK, 0);
    this.#waiting--;
  }

  #listOf(tick: number): { readonly lists: Map<number, number>; readonly key: number } {
    if (tick < this.#spanEnd) return { lists: this.#ticks, key: tick };
    return { lists: this.#spans, key: Math.floor(tick / SPAN_TICKS) };
  }

  /** The first tick at which the time has passed. */
  #tickAfter(timeMs: number): number {
    return Math.min(Math.ceil(timeMs / TICK_MS) - this.#firstTick, TICK_MAX);
  }
}

function sortedUpTo(lists: ReadonlyMap<number, number>, last: number): number[] {
  return [...lists.keys()].filter((key) => key <= last).sort((a, b) => a - b);
}
