/**
 * Says which lane may call the store next: a few calls are under way at a time, so that each carries much, and the
 * lane that has waited longest comes first. A call that hangs loses its place, because the part of the store that
 * is away must not keep the others waiting.
 */
import type { TimerHandle, Timers } from '../time/clock.ts';

/** Far above what a store that is well takes, far below what anybody gives up after. */
const STALLED_AFTER_MS = 250;

export interface ScheduledLane {
  /** Has a batch for `attempt`. */
  readonly isIdle: boolean;
  /** Calls back exactly once, when the store has answered or failed. */
  attempt(answered: () => void): Promise<void>;
  /** Its last attempt failed: it comes back by itself. */
  readonly isRetrying: boolean;
}

interface Call {
  countsAsUnderWay: boolean;
  stallTimer: TimerHandle | undefined;
}

export class LaneScheduler {
  readonly #timers: Timers;
  readonly #callsMax: number;
  /** With no more lanes than calls nobody waits for a place. */
  readonly #mayQueue: boolean;
  /** In the order in which they began to wait. */
  readonly #waiting = new Set<ScheduledLane>();
  #underWay = 0;
  #isScheduled = false;

  constructor(timers: Timers, lanes: number, callsMax: number) {
    this.#timers = timers;
    this.#callsMax = callsMax;
    this.#mayQueue = lanes > callsMax;
  }

  /** `lane` had nothing to store and now has; its call starts at the end of this turn at the earliest. */
  add(lane: ScheduledLane): void {
    this.#waiting.add(lane);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#timers.endOfTurn(() => {
      this.#isScheduled = false;
      this.#startWaiting();
    });
  }

  /** `lane` tries again. */
  retry(lane: ScheduledLane): void {
    this.#waiting.add(lane);
    this.#startWaiting();
  }

  #startWaiting(): void {
    for (const lane of this.#waiting) {
      if (this.#underWay >= this.#callsMax) return;
      this.#waiting.delete(lane);
      this.#start(lane);
    }
  }

  #start(lane: ScheduledLane): void {
    const call: Call = { countsAsUnderWay: true, stallTimer: undefined };
    this.#underWay++;
    if (this.#mayQueue) {
      call.stallTimer = this.#timers.after(STALLED_AFTER_MS, () => {
        this.#release(call);
        this.#startWaiting();
      });
    }
    void lane.attempt(() => {
      call.stallTimer?.cancel();
      this.#release(call);
      if (!lane.isIdle && !lane.isRetrying) this.#waiting.add(lane);
      this.#startWaiting();
    });
  }

  #release(call: Call): void {
    if (!call.countsAsUnderWay) return;
    call.countsAsUnderWay = false;
    this.#underWay--;
  }
}
