/** What retained messages wait for in a cluster before they are acknowledged. Those of one turn wait together. */
import type { LogPosition } from '../../event-log/event-log.ts';
import type { Timers } from '../../time/clock.ts';

interface Round {
  readonly positions: LogPosition[];
  readonly passed: Promise<void>;
}

export class RetainedBarrier {
  readonly #timers: Timers;
  /** Resolves when every live peer has applied the retained log that far, or has taken too long; undefined: there is none. */
  readonly #appliedEverywhere: (positions: readonly LogPosition[]) => Promise<void> | undefined;
  #round: Round | undefined;

  constructor(
    timers: Timers,
    appliedEverywhere: (positions: readonly LogPosition[]) => Promise<void> | undefined,
  ) {
    this.#timers = timers;
    this.#appliedEverywhere = appliedEverywhere;
  }

  /** Resolves when what is at these positions is to be found at every broker that lives. */
  pass(positions: readonly LogPosition[]): Promise<void> {
    this.#round ??= this.#begin();
    this.#round.positions.push(...positions);
    return this.#round.passed;
  }

  #begin(): Round {
    const positions: LogPosition[] = [];
    const passed = new Promise<void>((resolve) => {
      this.#timers.endOfTurn(() => {
        this.#round = undefined;
        resolve(this.#appliedEverywhere(positions));
      });
    });
    return { positions, passed };
  }
}
