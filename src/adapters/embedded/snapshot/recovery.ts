/**
 * Opening a snapshot directory: the newest manifest whose runs are all whole, what was written since, and
 * nothing else left on the disk but the manifest before.
 */
import path from 'node:path';
import { BlockFileDamagedError } from '../block-file.ts';
import { removeIfThere } from '../durable-file.ts';
import type { EmbeddedSnapshotOptions, SnapshotStoreEvent } from './embedded-snapshot-store.ts';
import { generationOfFileName, loadManifest, manifestFileName } from './manifest.ts';
import type { Manifest } from './manifest.ts';
import { runFileName, runOfFileName, SortedRun } from './sorted-run.ts';

export interface RecoveredSnapshot {
  /** undefined: none was saved, or none is whole. */
  readonly manifest: Manifest | undefined;
  readonly previous: Manifest | undefined;
  readonly runs: readonly SortedRun[];
  readonly runsOnDisk: readonly number[];
  readonly nextRun: number;
  readonly nextGeneration: number;
}

export async function recoverSnapshot(options: EmbeddedSnapshotOptions): Promise<RecoveredSnapshot> {
  const recovery = new Recovery(options);
  const names = await options.fileSystem.list(options.directory);
  const runNumbers = numbersIn(names, runOfFileName);
  const generations = numbersIn(names, generationOfFileName);
  const { manifest, previous, runs } = await recovery.choose(generations, runNumbers);
  const wanted = new Set([
    ...runs.map(({ number }) => runFileName(number)),
    ...[manifest, previous].flatMap((kept) => kept?.runs.map(runFileName) ?? []),
    ...[manifest, previous].flatMap((kept) =>
      kept === undefined ? [] : [manifestFileName(kept.generation)],
    ),
  ]);
  for (const name of names) {
    if (!wanted.has(name)) await removeIfThere(options.fileSystem, path.join(options.directory, name));
  }
  return {
    manifest,
    previous,
    runs,
    runsOnDisk: runNumbers.filter((number) => wanted.has(runFileName(number))),
    nextRun: Math.max(-1, ...runNumbers, (manifest?.nextRun ?? 0) - 1) + 1,
    nextGeneration: Math.max(-1, ...generations) + 1,
  };
}

type Choice = Pick<RecoveredSnapshot, 'manifest' | 'previous' | 'runs'>;

class Recovery {
  readonly #options: EmbeddedSnapshotOptions;
  readonly #observe: (event: SnapshotStoreEvent) => void;

  constructor(options: EmbeddedSnapshotOptions) {
    this.#options = options;
    this.#observe = options.observe ?? (() => undefined);
  }

  /** Both lists ascending. */
  async choose(generations: readonly number[], runNumbers: readonly number[]): Promise<Choice> {
    if (generations.length === 0) {
      return { manifest: undefined, previous: undefined, runs: await this.#wholeRuns(runNumbers) };
    }
    const newestFirst = generations.toReversed();
    for (const [index, generation] of newestFirst.entries()) {
      const manifest = await this.#loadManifest(generation);
      const named = manifest && (await this.#namedRuns(manifest));
      if (manifest === undefined || named === undefined) continue;
      const since = await this.#wholeRuns(runNumbers.filter((number) => number >= manifest.nextRun));
      const before = newestFirst[index + 1];
      const previous = before === undefined ? undefined : await this.#loadManifest(before);
      return { manifest, previous, runs: [...named, ...since] };
    }
    return { manifest: undefined, previous: undefined, runs: [] };
  }

  async #loadManifest(generation: number): Promise<Manifest | undefined> {
    const { fileSystem, directory } = this.#options;
    const manifest = await loadManifest(fileSystem, directory, generation);
    if (manifest === undefined) {
      const filePath = path.join(directory, manifestFileName(generation));
      this.#observe({ type: 'damaged', path: filePath, error: new Error('It is not what was written.') });
    }
    return manifest;
  }

  /** undefined: one of them is not whole, so the manifest's checkpoint promises too much. */
  async #namedRuns(manifest: Manifest): Promise<readonly SortedRun[] | undefined> {
    const runs: SortedRun[] = [];
    for (const number of manifest.runs) {
      const run = await this.#verifiedRun(number);
      if (run === undefined) {
        for (const opened of runs) await opened.file.release();
        return undefined;
      }
      runs.push(run);
    }
    return runs;
  }

  /** No checkpoint covers these yet: without one of them the tail of the log is longer, that is all. */
  async #wholeRuns(numbers: readonly number[]): Promise<readonly SortedRun[]> {
    const runs: SortedRun[] = [];
    for (const number of numbers) {
      const run = await this.#verifiedRun(number);
      if (run !== undefined) runs.push(run);
    }
    return runs;
  }

  async #verifiedRun(number: number): Promise<SortedRun | undefined> {
    const { fileSystem, directory } = this.#options;
    let run: SortedRun | undefined;
    try {
      run = await SortedRun.open(fileSystem, directory, number);
      await run.file.verify();
      return run;
    } catch (error) {
      await run?.file.release();
      if (!isDamage(error)) throw error;
      this.#observe({ type: 'damaged', path: path.join(directory, runFileName(number)), error });
      return undefined;
    }
  }
}

/** A run that is missing, or whose medium cannot be read, is as lost as one that has changed. */
function isDamage(error: unknown): boolean {
  if (error instanceof BlockFileDamagedError) return true;
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'EIO');
}

function numbersIn(names: readonly string[], numberOf: (name: string) => number | undefined): number[] {
  return names
    .map(numberOf)
    .filter((number) => number !== undefined)
    .sort((a, b) => a - b);
}
