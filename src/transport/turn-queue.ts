/**
 * What connections put off to the end of the turn: writing their outboxes, one write per socket however many packets
 * were sent in between, and decoding on after a pause. One scheduled callback serves all of them.
 */
import type { Timers } from '../time/clock.ts';

/** Connections with unwritten bytes at which the turn is cut short: bounds the chunks in use. */
export const DIRTY_MAX = 1024;

export interface TurnMember {
  /** Decodes what was received during a pause. */
  continueDecoding(): void;
  /** Hands the outbox to the socket. */
  flush(): void;
}

export class TurnQueue {
  readonly #timers: Timers;
  readonly #endOfTurn = (): void => {
    this.#scheduled = false;
    this.#run();
  };
  #dirty: TurnMember[] = [];
  #paused: TurnMember[] = [];
  #scheduled = false;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** Call once per member until its `flush` was called. */
  flushLater(member: TurnMember): void {
    this.#dirty.push(member);
    if (this.#dirty.length >= DIRTY_MAX) this.#flush();
    else this.#schedule();
  }

  /** Call once per member until its `continueDecoding` was called. */
  decodeLater(member: TurnMember): void {
    this.#paused.push(member);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#timers.endOfTurn(this.#endOfTurn);
  }

  /** Decoding first: its answers leave in the same turn. What members put off now waits for the next one. */
  #run(): void {
    const paused = this.#paused;
    this.#paused = [];
    for (const member of paused) member.continueDecoding();
    this.#flush();
  }

  #flush(): void {
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const member of dirty) member.flush();
  }
}
