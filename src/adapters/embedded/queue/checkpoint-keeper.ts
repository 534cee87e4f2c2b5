/**
 * Takes checkpoints and keeps the two newest, so that one that turns out to be damaged costs a longer replay and
 * nothing else. Says up to where the journal is still needed for that.
 */
import path from 'node:path';
import type { FileSystem } from '../file-system.ts';
import type { Journal } from '../journal/journal.ts';
import { comparePositions, JOURNAL_START } from '../journal/journal-position.ts';
import type { RecordPosition } from '../journal/journal-position.ts';
import { isErrorCode } from '../journal/segment.ts';
import { checkpointName, listCheckpoints } from './checkpoint-format.ts';
import { CheckpointWriter } from './checkpoint-writer.ts';
import type { QueueTable } from './queue-table.ts';

const TEMPORARY_NAME = 'checkpoint.tmp';

export interface KeptCheckpoint {
  readonly number: number;
  readonly replayFrom: RecordPosition;
}

export class CheckpointKeeper {
  readonly #fileSystem: FileSystem;
  readonly #directory: string;
  #newestNumber: number;
  #newest: KeptCheckpoint | undefined;
  #older: KeptCheckpoint | undefined;
  #bytes = 0;

  /** `newestNumber`: of all files that are there, good or not. `loaded`: the one the start used. */
  constructor(
    fileSystem: FileSystem,
    directory: string,
    newestNumber: number,
    loaded: KeptCheckpoint | undefined,
  ) {
    this.#fileSystem = fileSystem;
    this.#directory = directory;
    this.#newestNumber = newestNumber;
    this.#newest = loaded;
  }

  /** Size of the latest checkpoint taken by this process. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A start from either checkpoint needs the journal from here on. */
  get neededFrom(): RecordPosition {
    return this.#older?.replayFrom ?? JOURNAL_START;
  }

  /** Whether a checkpoint taken now would say nothing new. */
  isCurrent(journal: Journal): boolean {
    return this.#newest !== undefined && comparePositions(this.#newest.replayFrom, journal.end) === 0;
  }

  async take(table: QueueTable, journal: Journal): Promise<void> {
    const replayFrom = journal.end;
    const temporary = path.join(this.#directory, TEMPORARY_NAME);
    await this.#removeIfThere(temporary);
    const file = await this.#fileSystem.open(temporary, 'create');
    try {
      const writer = new CheckpointWriter(file);
      await writer.write(table, replayFrom, () => journal.end);
      // What was serialised may be younger than the last sync: a checkpoint must not know more than the journal.
      await journal.durable();
      await file.datasync();
      this.#bytes = writer.bytes;
    } finally {
      await file.close();
    }
    const number = ++this.#newestNumber;
    await this.#fileSystem.rename(temporary, path.join(this.#directory, checkpointName(number)));
    await this.#fileSystem.syncDirectory(this.#directory);
    this.#older = this.#newest;
    this.#newest = { number, replayFrom };
    for (const old of await listCheckpoints(this.#fileSystem, this.#directory)) {
      if (old !== this.#newest.number && old !== this.#older?.number) {
        await this.#removeIfThere(path.join(this.#directory, checkpointName(old)));
      }
    }
  }

  async #removeIfThere(filePath: string): Promise<void> {
    try {
      await this.#fileSystem.remove(filePath);
    } catch (error) {
      if (!isErrorCode(error, 'ENOENT')) throw error;
    }
  }
}
