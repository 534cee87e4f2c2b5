/**
 * Gives the clients of this broker away at a bounded rate, so that others need not take all of them at once. Its sessions go nowhere:
 * they are on the log and in their queues, and their clients find them on any broker. Who may drain, and who is told of it, is not
 * decided here.
 */
import type { Clock, TimerHandle, Timers } from '../time/clock.ts';
import type { ActiveSession } from './active-session.ts';
import type { Broker } from './broker.ts';
import type { Redirection } from './redirection.ts';

/** Grain of the rate. */
const TICK_MS = 100;
/** A client per second is a thousandth of one per millisecond. */
const CLIENT = 1_000;

export interface DrainOrder {
  /** Clients asked to leave per second. */
  readonly ratePerS: number;
  /** How long clients are still served as ever: until whoever sends them here has noticed that the broker is not ready. */
  readonly noticeMs: number;
  /** Asked anew for each client. */
  readonly redirection: () => Redirection;
  /** Called once, when nobody is connected any more. */
  readonly onEmpty: () => void;
}

/** notice: as ever, for now. moving: nobody is taken in, and who is there is asked to leave. empty: nobody is connected. */
export type DrainPhase = 'notice' | 'moving' | 'empty';

export interface DrainProgress {
  readonly phase: DrainPhase;
  readonly startedAtMs: number;
  readonly ratePerS: number;
  /** Clients asked to leave so far. */
  readonly moved: number;
  /** Clients still there. */
  readonly connected: number;
}

interface Run {
  order: DrainOrder;
  readonly startedAtMs: number;
  readonly movesFromMs: number;
  /** Clients that may be asked now, in thousandths, and when that was reckoned. */
  credit: number;
  creditAtMs: number;
  moved: number;
  wasEmpty: boolean;
}

export class Drain {
  readonly #broker: Broker;
  readonly #clock: Clock;
  readonly #timers: Timers;
  /** Not read any more; they leave when everything that was read of them is answered. */
  readonly #leaving = new Set<ActiveSession>();
  #run: Run | undefined;
  #timer: TimerHandle | undefined;

  constructor(broker: Broker, clock: Clock, timers: Timers) {
    this.#broker = broker;
    this.#clock = clock;
    this.#timers = timers;
  }

  /** undefined: clients are served. */
  get progress(): DrainProgress | undefined {
    if (this.#run === undefined) return undefined;
    const { order, startedAtMs, moved, movesFromMs } = this.#run;
    const { connected } = this;
    const isMoving = this.#clock.nowMs() >= movesFromMs;
    const phase = !isMoving ? 'notice' : connected > 0 ? 'moving' : 'empty';
    return { phase, startedAtMs, ratePerS: order.ratePerS, moved, connected };
  }

  get connected(): number {
    let connected = 0;
    for (const { counters } of this.#broker.tenants()) connected += counters.connections;
    return connected;
  }

  /** Begins, or goes on in another way: then without a further notice. */
  begin(order: DrainOrder): void {
    const nowMs = this.#clock.nowMs();
    if (this.#run !== undefined) {
      this.#run.order = order;
      return;
    }
    const movesFromMs = nowMs + order.noticeMs;
    const credit = { credit: 0, creditAtMs: movesFromMs };
    this.#run = { order, startedAtMs: nowMs, movesFromMs, ...credit, moved: 0, wasEmpty: false };
    this.#tick();
  }

  /** Everybody who is still there stays, and clients are taken in again. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#run = undefined;
    this.#broker.redirection = undefined;
    for (const session of this.#leaving) session.link.resumeReading('leaving');
    this.#leaving.clear();
  }

  #tick(): void {
    const run = this.#run;
    if (run === undefined) return;
    this.#timer = this.#timers.after(TICK_MS, () => {
      this.#tick();
    });
    const nowMs = this.#clock.nowMs();
    if (nowMs < run.movesFromMs) return;
    // Anew each time: where to may have changed.
    this.#broker.redirection = run.order.redirection();
    this.#stopReading(run, nowMs);
    this.#sendOff(run);
    if (run.wasEmpty || this.connected > 0) return;
    run.wasEmpty = true;
    run.order.onEmpty();
  }

  /** As many as the rate allows, those that have been connected longest first. */
  #stopReading(run: Run, nowMs: number): void {
    const { ratePerS } = run.order;
    const elapsedMs = Math.max(0, nowMs - run.creditAtMs);
    // At most a second's worth.
    run.credit = Math.min(ratePerS * CLIENT, run.credit + elapsedMs * ratePerS);
    run.creditAtMs = nowMs;
    if (run.credit < CLIENT) return;
    for (const tenant of this.#broker.tenants()) {
      for (const session of tenant.activeSessions()) {
        if (this.#leaving.has(session)) continue;
        if (run.credit < CLIENT) return;
        run.credit -= CLIENT;
        run.moved++;
        session.link.pauseReading('leaving');
        this.#leaving.add(session);
      }
    }
  }

  /**
   * What was read of a client is answered before it is told to leave: a message without its acknowledgement would be sent to the next
   * broker once more. An answer that does not come ends the connection by itself, see `limits.storeTimeoutMs`.
   */
  #sendOff(run: Run): void {
    for (const session of this.#leaving) {
      if (!session.hasEnded && session.acks.waiting > 0) continue;
      this.#leaving.delete(session);
      session.redirect(run.order.redirection());
    }
  }
}
