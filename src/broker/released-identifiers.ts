/**
 * Takes packet identifiers off a session's queue of held messages once their PUBREL has come. As long as the client releases in order that
 * is a trim. Where messages were handed on before their own PUBREL came, their identifiers go on record first, and the trim
 * takes nothing else that the next connection has to know.
 */
import type { DurableQueueStore, QueueKey, Seq } from '../queue/durable-queue.ts';
import type { IdentifiersInUse } from '../queue/identifiers-in-use.ts';

export interface ReleasedIdentifiersOptions {
  readonly queue: QueueKey;
  readonly store: DurableQueueStore;
  /** As it is now. */
  readonly inUse: () => IdentifiersInUse;
  /** A message that has not been handed on may stand before that position. */
  readonly isHeldBefore: (seq: Seq) => boolean;
  /** Resolves with the position of the record when it is durable. */
  readonly append: (identifiers: IdentifiersInUse) => Promise<Seq>;
}

export class ReleasedIdentifiers {
  readonly #options: ReleasedIdentifiersOptions;
  /** Position of the last record in the queue, if there is one. */
  #record: Seq | undefined;
  /** A record is being written or removed: one at a time, so that the last one is the true one. */
  #update: Promise<void> | undefined;
  /** Begins when that one is done, for everybody who has come meanwhile. */
  #nextUpdate: Promise<void> | undefined;

  constructor(options: ReleasedIdentifiersOptions) {
    this.#options = options;
  }

  /** An earlier connection has left a record. */
  recordFound(seq: Seq): void {
    this.#record = seq;
  }

  /** Resolves when no identifier is on record that `inUse` does not name now, but those of messages that have not been handed on. */
  async free(): Promise<void> {
    const { through, packetIds } = this.#options.inUse();
    const hasRecord =
      this.#record !== undefined || this.#update !== undefined || this.#nextUpdate !== undefined;
    if (packetIds.length === 0 && !hasRecord) {
      await this.#trim(through);
      return;
    }
    this.#nextUpdate ??= this.#updateAfter(this.#update);
    await this.#nextUpdate;
  }

  async #updateAfter(before: Promise<void> | undefined): Promise<void> {
    await before;
    this.#update = this.#nextUpdate;
    this.#nextUpdate = undefined;
    await this.#updateRecord();
    this.#update = undefined;
  }

  async #updateRecord(): Promise<void> {
    const { inUse, append, isHeldBefore } = this.#options;
    const identifiers = inUse();
    const record = this.#record;
    if (identifiers.packetIds.length > 0 || (record !== undefined && isHeldBefore(record))) {
      this.#record = await append(identifiers);
      await this.#trim(identifiers.through);
    } else {
      this.#record = undefined;
      await this.#trim(Math.max(identifiers.through, record ?? 0) as Seq);
    }
  }

  async #trim(through: Seq): Promise<void> {
    await this.#options.store.trim([{ queue: this.#options.queue, through }]);
  }
}
