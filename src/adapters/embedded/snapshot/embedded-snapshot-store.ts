/**
 * The snapshot on the local disk: rows in immutable sorted runs, merged in the background when there are many,
 * and a manifest that names runs and checkpoint. Damage is found when the store opens; it then goes back to the
 * manifest before, or to nothing, so that the caller folds the log again: it never refuses to start.
 */
import path from 'node:path';
import type { Offset } from '../../../event-log/event-log.ts';
import type { SnapshotRow, SnapshotStore } from '../../../metadata/snapshot-store.ts';
import { StoreUnavailableError } from '../../../errors/store-unavailable-error.ts';
import { removeIfThere } from '../durable-file.ts';
import { decodeRow, entryPartition, isTombstone } from '../entry-codec.ts';
import type { FileSystem } from '../file-system.ts';
import { manifestFileName, saveManifest } from './manifest.ts';
import type { Manifest } from './manifest.ts';
import { recoverSnapshot } from './recovery.ts';
import type { RecoveredSnapshot } from './recovery.ts';
import { RunMerge } from './run-merge.ts';
import { runFileName, RunWriter } from './sorted-run.ts';
import type { RunCursor, SortedRun } from './sorted-run.ts';

/** Rows sorted at once: bounds the time the event loop stands still. More rows make several runs. */
const RUN_ROWS_MAX = 5_000;
/** This many runs of about the same size become one, so the runs of one size are always fewer. */
const MERGE_RUNS = 8;

export type SnapshotStoreEvent =
  /** A manifest or a run is not what was written; the store opened without it. */
  | { readonly type: 'damaged'; readonly path: string; readonly error: unknown }
  /** Merging failed; it is tried again after the next write. */
  | { readonly type: 'mergeFailed'; readonly error: unknown };

export interface EmbeddedSnapshotOptions {
  /** Made if it is not there; one store per directory. */
  readonly directory: string;
  readonly fileSystem: FileSystem;
  readonly observe?: (event: SnapshotStoreEvent) => void;
}

/** Reads every run once, to see that it is whole. Rejects with the file system's errors. */
export async function openEmbeddedSnapshotStore(
  options: EmbeddedSnapshotOptions,
): Promise<EmbeddedSnapshotStore> {
  await options.fileSystem.makeDirectory(options.directory);
  const recovered = await recoverSnapshot(options);
  return new EmbeddedSnapshotStore(options, recovered);
}

export class EmbeddedSnapshotStore implements SnapshotStore {
  readonly #fileSystem: FileSystem;
  readonly #directory: string;
  readonly #observe: (event: SnapshotStoreEvent) => void;
  #runs: SortedRun[];
  #checkpoint: readonly Offset[] | undefined;
  #manifest: Manifest | undefined;
  #previous: Manifest | undefined;
  /** Numbers of all runs on the disk, wanted or not. */
  readonly #runsOnDisk: Set<number>;
  #nextRun: number;
  #nextGeneration: number;
  /** Changes of runs and manifest happen one after the other. */
  #last: Promise<unknown> = Promise.resolve();
  #merging: Promise<void> | undefined;
  #closed = false;

  /** Use `openEmbeddedSnapshotStore`. */
  constructor(options: EmbeddedSnapshotOptions, recovered: RecoveredSnapshot) {
    this.#fileSystem = options.fileSystem;
    this.#directory = options.directory;
    this.#observe = options.observe ?? (() => undefined);
    this.#runs = [...recovered.runs];
    this.#manifest = recovered.manifest;
    this.#previous = recovered.previous;
    this.#checkpoint = recovered.manifest?.checkpoint?.map((offset) => offset as Offset);
    this.#runsOnDisk = new Set(recovered.runsOnDisk);
    this.#nextRun = recovered.nextRun;
    this.#nextGeneration = recovered.nextGeneration;
  }

  /** Runs that a scan has to merge now. */
  get runCount(): number {
    return this.#runs.length;
  }

  write(rows: readonly SnapshotRow[]): Promise<void> {
    return this.#inTurn(async () => {
      for (let start = 0; start < rows.length; start += RUN_ROWS_MAX) {
        await this.#writeRun(rows.slice(start, start + RUN_ROWS_MAX));
      }
      this.#mergeIfDue();
    });
  }

  /** Reads all runs, also for one partition: they are few in a store of one machine. */
  async *scan(
    partition?: number,
    removedFrom: readonly Offset[] = [],
  ): AsyncIterable<readonly SnapshotRow[]> {
    const runs = this.#runs;
    for (const run of runs) run.file.retain();
    try {
      const merge = await RunMerge.start(runs);
      for (let more = true; more;) {
        const batch: SnapshotRow[] = [];
        more = await merge.step(({ block, at, offset }) => {
          const of = entryPartition(block, at);
          if (partition !== undefined && of !== partition) return;
          if (isTombstone(block, at) && offset < (removedFrom[of] ?? Infinity)) return;
          batch.push(decodeRow(block, at));
        });
        if (batch.length > 0) yield batch;
      }
    } finally {
      for (const run of runs) await run.file.release();
    }
  }

  saveCheckpoint(offsets: readonly Offset[]): Promise<void> {
    return this.#inTurn(async () => {
      const before = this.#checkpoint ?? [];
      const checkpoint = offsets.map(
        (offset, partition) => Math.max(offset, before[partition] ?? 0) as Offset,
      );
      await this.#saveManifest(checkpoint);
      this.#checkpoint = checkpoint;
    });
  }

  loadCheckpoint(): Promise<readonly Offset[] | undefined> {
    return Promise.resolve(this.#checkpoint);
  }

  /** Resolves when no merge is under way. */
  async merged(): Promise<void> {
    while (this.#merging !== undefined) await this.#merging;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#merging;
    await this.#last;
    for (const run of this.#runs) await run.file.release();
  }

  async #writeRun(rows: readonly SnapshotRow[]): Promise<void> {
    const latest = new Map<string, SnapshotRow>();
    for (const row of rows) {
      // What lies before the checkpoint is in the rows already, or was removed since.
      if (row.offset < (this.#checkpoint?.[row.partition] ?? 0)) continue;
      const other = latest.get(row.key);
      if (other === undefined || other.offset <= row.offset) latest.set(row.key, row);
    }
    if (latest.size === 0) return;
    const sorted = [...latest.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
    const writer = await this.#createRun();
    try {
      for (const row of sorted) {
        writer.add(row);
        await writer.flush();
      }
      const run = await writer.finish();
      this.#runsOnDisk.add(run.number);
      this.#runs = [...this.#runs, run];
    } catch (error) {
      await writer.abandon().catch(() => undefined); // the first error says more
      throw error;
    }
  }

  #createRun(): Promise<RunWriter> {
    return RunWriter.create(this.#fileSystem, this.#directory, this.#nextRun++);
  }

  #mergeIfDue(): void {
    if (this.#closed || this.#merging !== undefined) return;
    const due = runsToMerge(this.#runs);
    if (due.length === 0) return;
    this.#merging = this.#merge(due)
      .catch((error: unknown) => {
        this.#observe({ type: 'mergeFailed', error });
        return false;
      })
      .then((changed) => {
        this.#merging = undefined;
        if (changed) this.#mergeIfDue();
      });
  }

  /** Writes go on meanwhile; only the exchange of the runs takes its turn among them. */
  async #merge(inputs: readonly SortedRun[]): Promise<boolean> {
    const writer = await this.#createRun();
    const removable = this.#removableTombstones(inputs);
    try {
      const merge = await RunMerge.start(inputs);
      for (let more = true; more;) {
        if (this.#closed) {
          await writer.abandon();
          return false;
        }
        more = await merge.step((row) => {
          if (!removable(row)) writer.addEncoded(row.block, row.at);
        });
        await writer.flush();
      }
      await this.#enqueue(async () => {
        const output = await writer.finish();
        this.#runsOnDisk.add(output.number);
        this.#runs = [output, ...this.#runs.filter((run) => !inputs.includes(run))];
        await this.#saveManifest(this.#checkpoint);
      });
    } catch (error) {
      await writer.abandon().catch(() => undefined); // the first error says more
      throw error;
    }
    for (const run of inputs) await run.file.release();
    return true;
  }

  /**
   * A tombstone may go when nothing older of its key can be anywhere: not in the runs that are left out, and
   * not in a write to come, which the checkpoint refuses.
   */
  #removableTombstones(inputs: readonly SortedRun[]): (row: RunCursor) => boolean {
    const checkpoint = this.#checkpoint ?? [];
    const others = this.#runs.filter((run) => !inputs.includes(run));
    const oldest = Math.min(Infinity, ...others.map(({ minOffset }) => minOffset));
    return ({ block, at, offset }) => {
      if (!isTombstone(block, at) || offset >= oldest) return false;
      return offset < (checkpoint[entryPartition(block, at)] ?? 0);
    };
  }

  async #saveManifest(checkpoint: readonly Offset[] | undefined): Promise<void> {
    const manifest: Manifest = {
      generation: this.#nextGeneration++,
      checkpoint: checkpoint === undefined ? null : [...checkpoint],
      runs: this.#runs.map(({ number }) => number),
      nextRun: this.#nextRun,
    };
    await saveManifest(this.#fileSystem, this.#directory, manifest);
    const outdated = this.#previous;
    this.#previous = this.#manifest;
    this.#manifest = manifest;
    await this.#removeUnwanted(outdated);
  }

  /** What neither of the two newest manifests names, and no run written since, is wanted no more. */
  async #removeUnwanted(outdated: Manifest | undefined): Promise<void> {
    const wanted = new Set([
      ...this.#runs.map(({ number }) => number),
      ...(this.#manifest?.runs ?? []),
      ...(this.#previous?.runs ?? []),
    ]);
    for (const number of this.#runsOnDisk) {
      if (wanted.has(number)) continue;
      await removeIfThere(this.#fileSystem, path.join(this.#directory, runFileName(number)));
      this.#runsOnDisk.delete(number);
    }
    if (outdated !== undefined) {
      await removeIfThere(
        this.#fileSystem,
        path.join(this.#directory, manifestFileName(outdated.generation)),
      );
    }
  }

  #inTurn(step: () => Promise<void>): Promise<void> {
    if (!this.#closed) return this.#enqueue(step);
    return Promise.reject(
      new StoreUnavailableError(`The snapshot in ${this.#directory}`, 'it was closed; open it again.'),
    );
  }

  #enqueue(step: () => Promise<void>): Promise<void> {
    const turn = this.#last.then(step);
    this.#last = turn.catch(() => undefined); // its caller is told
    return turn;
  }
}

/** Runs whose sizes are within a factor of `MERGE_RUNS`, once there are that many; the smallest first. */
function runsToMerge(runs: readonly SortedRun[]): readonly SortedRun[] {
  const tiers = new Map<number, SortedRun[]>();
  for (const run of runs) {
    const tier = Math.max(0, Math.floor(Math.log(run.rows / RUN_ROWS_MAX) / Math.log(MERGE_RUNS)) + 1);
    tiers.set(tier, [...(tiers.get(tier) ?? []), run]);
  }
  const smallestFirst = [...tiers].sort(([left], [right]) => left - right);
  return smallestFirst.find(([, tier]) => tier.length >= MERGE_RUNS)?.[1] ?? [];
}
