/**
 * How far one other broker has to have applied a log before somebody here is answered. One question at a time: those who come meanwhile
 * share the next one, and while the peer is away it is no more than one position for each partition.
 */
import type { LogPosition, Offset } from '../../event-log/event-log.ts';

/** Nobody waits for that any more. */
export type Forget = () => void;

export class AppliedQuestion {
  readonly #ask: (positions: readonly LogPosition[], done: () => void) => void;
  /** There is something to ask. */
  readonly #onNews: () => void;
  /** By partition: what those who wait have on the log, not asked for yet. */
  readonly #positions = new Map<number, Offset>();
  #waiting = new Set<() => void>();
  #isAsking = false;

  constructor(ask: (positions: readonly LogPosition[], done: () => void) => void, onNews: () => void) {
    this.#ask = ask;
    this.#onNews = onNews;
  }

  /** Positions that wait for the peer. */
  get size(): number {
    return this.#positions.size;
  }

  /** `done`: the peer has applied the log that far, or is down. */
  add(positions: readonly LogPosition[], done: () => void): Forget {
    for (const { partition, offset } of positions) {
      if (offset > (this.#positions.get(partition) ?? -1)) this.#positions.set(partition, offset);
    }
    this.#waiting.add(done);
    this.#onNews();
    return () => {
      this.#waiting.delete(done);
    };
  }

  /** The peer can take more. */
  flush(): void {
    if (this.#isAsking || this.#waiting.size === 0) return;
    this.#isAsking = true;
    const waiting = this.#waiting;
    this.#waiting = new Set();
    const positions = Array.from(this.#positions, ([partition, offset]) => ({ partition, offset }));
    this.#positions.clear();
    this.#ask(positions, () => {
      this.#isAsking = false;
      for (const done of waiting) done();
      this.#onNews();
    });
  }

  /** The peer is down: nobody waits for it. */
  close(): void {
    for (const done of this.#waiting) done();
    this.#waiting.clear();
  }
}
