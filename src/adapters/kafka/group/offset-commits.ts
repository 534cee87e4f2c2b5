/**
 * Offsets that a consumer group is still to be told. A commit that is refused, as during a rebalance, is made again until it is taken
 * or the membership ends; what is left then goes through the next one. Only the latest offset of a partition counts.
 */
import type { TopicPartitionOffsetAndMetadata } from 'kafkajs';
import type { Offset } from '../../../event-log/event-log.ts';
import { backoffMs, pause } from '../client/retry.ts';

/** What takes commits while a membership lasts. */
interface Way {
  readonly commit: (offsets: TopicPartitionOffsetAndMetadata[]) => Promise<void>;
  readonly ended: AbortSignal;
}

export class OffsetCommits {
  /** Commits that were refused; each was made again. */
  failed = 0;
  readonly #isOurs: (topic: string, partition: number) => boolean;
  /** By topic. */
  readonly #uncommitted = new Map<string, Map<number, Offset>>();
  #way: Way | undefined;
  #telling: Promise<void> = Promise.resolve();
  #isTelling = false;

  /** `isOurs`: of a partition that is somebody else's, that one tells. */
  constructor(isOurs: (topic: string, partition: number) => boolean) {
    this.#isOurs = isOurs;
  }

  note(topic: string, offsets: ReadonlyMap<number, Offset>): void {
    const noted = this.#uncommitted.get(topic) ?? new Map<number, Offset>();
    for (const [partition, offset] of offsets) noted.set(partition, offset);
    this.#uncommitted.set(topic, noted);
    this.#run();
  }

  /** A membership takes commits until `ended`; then what is not told yet is tried once more. */
  begin(commit: Way['commit'], ended: AbortSignal): void {
    if (ended.aborted) return;
    this.#way = { commit, ended };
    this.#run();
  }

  /** The membership has ended. Resolves when nothing goes through it any more. */
  async end(): Promise<void> {
    this.#way = undefined;
    await this.#telling;
  }

  #run(): void {
    const way = this.#way;
    if (way === undefined || this.#isTelling) return;
    this.#telling = this.#tell(way);
  }

  /** One commit at a time; what comes meanwhile goes with the next. */
  async #tell({ commit, ended }: Way): Promise<void> {
    this.#isTelling = true;
    let failures = 0;
    for (let offsets = this.#take(); offsets.length > 0; offsets = this.#take()) {
      try {
        await commit(offsets);
        failures = 0;
      } catch {
        this.failed++;
        failures++;
        this.#putBack(offsets);
        if (ended.aborted) break;
        await pause(backoffMs(failures), ended);
      }
    }
    // In the same breath as the look at what is left: what is noted from here on begins anew.
    this.#isTelling = false;
  }

  #take(): { topic: string; partition: number; offset: string }[] {
    const taken = [...this.#uncommitted].flatMap(([topic, offsets]) =>
      [...offsets]
        .filter(([partition]) => this.#isOurs(topic, partition))
        .map(([partition, offset]) => ({ topic, partition, offset: `${offset}` })),
    );
    this.#uncommitted.clear();
    return taken;
  }

  /** Where nothing newer has come. */
  #putBack(offsets: readonly TopicPartitionOffsetAndMetadata[]): void {
    for (const { topic, partition, offset } of offsets) {
      const noted = this.#uncommitted.get(topic) ?? new Map<number, Offset>();
      if (!noted.has(partition)) noted.set(partition, Number(offset) as Offset);
      this.#uncommitted.set(topic, noted);
    }
  }
}
