/**
 * From what is on disk to a table of queues: the newest checkpoint that is intact, and the journal behind it.
 * Without any intact checkpoint the whole journal is replayed, which is all there is to go by.
 */
import path from 'node:path';
import type { FileSystem } from '../file-system.ts';
import { openJournal } from '../journal/journal.ts';
import { JOURNAL_START } from '../journal/journal-position.ts';
import { checkpointName, listCheckpoints } from './checkpoint-format.ts';
import { CheckpointKeeper } from './checkpoint-keeper.ts';
import { CheckpointDamagedError, loadCheckpoint } from './checkpoint-reader.ts';
import type { LoadedCheckpoint } from './checkpoint-reader.ts';
import type { EmbeddedQueueStoreOptions, StoreEvent, StoreParts } from './embedded-queue-store.ts';
import { QueueReplay } from './queue-replay.ts';
import { QueueTable } from './queue-table.ts';
import { SpillFile } from './spill-file.ts';

export interface StoreRecoveryOptions extends EmbeddedQueueStoreOptions {
  readonly fileSystem: FileSystem;
  readonly indexBytesMax: number;
  readonly observe: (event: StoreEvent) => void;
  readonly onDurable: () => void;
}

interface Loaded {
  readonly table: QueueTable;
  readonly number?: number;
  readonly checkpoint?: LoadedCheckpoint;
}

export async function recoverStore(options: StoreRecoveryOptions): Promise<StoreParts> {
  const { fileSystem, directory, indexBytesMax } = options;
  const spill = await SpillFile.open(fileSystem, directory);
  const numbers = await listCheckpoints(fileSystem, directory);
  const nowS = Math.floor(options.nowMs() / 1000);
  const { table, number, checkpoint } = await loadNewest(options, numbers, spill, nowS);
  const replay = new QueueReplay(table, checkpoint?.asOf ?? new Map(), nowS);
  const replayFrom = checkpoint?.replayFrom ?? JOURNAL_START;
  const journal = await openJournal({
    ...options,
    from: replayFrom,
    replay: (record) => {
      replay.apply(record);
      table.spillBeyond(indexBytesMax);
    },
  });
  const kept = number === undefined ? undefined : { number, replayFrom };
  return { table, journal, checkpoints: new CheckpointKeeper(fileSystem, directory, numbers[0] ?? 0, kept) };
}

async function loadNewest(
  options: StoreRecoveryOptions,
  numbers: readonly number[],
  spill: SpillFile,
  nowS: number,
): Promise<Loaded> {
  const { fileSystem, directory, indexBytesMax, observe } = options;
  for (const number of numbers) {
    const table = new QueueTable(spill);
    try {
      const checkpoint = await loadCheckpoint(fileSystem, directory, number, { table, indexBytesMax, nowS });
      return { table, number, checkpoint };
    } catch (error) {
      if (!(error instanceof CheckpointDamagedError)) throw error;
      observe({ type: 'checkpointDamaged', path: path.join(directory, checkpointName(number)), error });
    }
  }
  return { table: new QueueTable(spill) };
}
