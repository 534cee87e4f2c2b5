/**
 * What connections put off to the end of the turn: writing their outboxes, one write per socket however many packets
 * were sent in between; decoding on after a pause; ending. One scheduled callback serves all of them.
 */
import type { Timers } from '../time/clock.ts';

/** Connections with unwritten bytes at which the turn is cut short: bounds the chunks in use. */
export const DIRTY_MAX = 1024;

export interface TurnMember {
  /** Decodes what was received during a pause. */
  continueDecoding(): void;
  /** Hands the outbox to the socket. */
  flush(): void;
  /** Sends the last bytes, ends the stream and tells the handler. */
  finish(): void;
}

export class TurnQueue {
  readonly #timers: Timers;
  readonly #endOfTurn = (): void => {
    this.#run();
  };
  #dirty: TurnMember[] = [];
  #resumed: TurnMember[] = [];
  #finished: TurnMember[] = [];
  #scheduled = false;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** Call once per member until its `flush` was called, which may be at once. */
  flushLater(member: TurnMember): void {
    this.#dirty.push(member);
    if (this.#dirty.length >= DIRTY_MAX) this.#flush();
    else this.#schedule();
  }

  /** Call once per member until its `continueDecoding` was called. */
  decodeLater(member: TurnMember): void {
    this.#resumed.push(member);
    this.#schedule();
  }

  /** Call once per member, ever. */
  finishLater(member: TurnMember): void {
    this.#finished.push(member);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#timers.endOfTurn(this.#endOfTurn);
  }

  /** Decoding first: its answers leave in the same turn. What is put off while this runs waits for the next turn. */
  #run(): void {
    this.#scheduled = false;
    const resumed = this.#resumed;
    const finished = this.#finished;
    this.#resumed = [];
    this.#finished = [];
    for (const member of resumed) member.continueDecoding();
    this.#flush();
    for (const member of finished) member.finish();
  }

  #flush(): void {
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const member of dirty) member.flush();
  }
}
