/** How far this process has applied a topic of the event log, partition by partition, and who waits for it to get further. */
import type { LogPosition, Offset } from './event-log.ts';

interface Waiting {
  readonly offset: Offset;
  readonly resolve: () => void;
}

export class AppliedOffsets {
  readonly #applied = new Map<number, Offset>();
  readonly #waiting = new Map<number, Waiting[]>();

  /** Everything up to and including this offset is applied. */
  reached({ partition, offset }: LogPosition): void {
    if (offset <= (this.#applied.get(partition) ?? -1)) return;
    this.#applied.set(partition, offset);
    const waiting = this.#waiting.get(partition);
    if (waiting === undefined) return;
    const later = waiting.filter((each) => each.offset > offset);
    if (later.length === 0) this.#waiting.delete(partition);
    else this.#waiting.set(partition, later);
    for (const each of waiting) if (each.offset <= offset) each.resolve();
  }

  /** Resolves when the topic is applied up to and including each of these positions; undefined: it is already. */
  waitFor(positions: readonly LogPosition[]): Promise<void> | undefined {
    const missing = positions.filter(
      ({ partition, offset }) => offset > (this.#applied.get(partition) ?? -1),
    );
    if (missing.length === 0) return undefined;
    return Promise.all(missing.map((position) => this.#one(position))).then(() => undefined);
  }

  #one({ partition, offset }: LogPosition): Promise<void> {
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(partition) ?? [];
      waiting.push({ offset, resolve });
      this.#waiting.set(partition, waiting);
    });
  }
}
