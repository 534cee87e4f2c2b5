/**
 * What an engine that was left running has written down about itself: `engine.json` in its data directory. Whoever reads
 * it can tell whether the processes still run, and stop them.
 */
import { mkdir, readFile, readdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError } from './engine.ts';
import { isRunning, terminate } from './process-life.ts';

export interface ProcessRecord {
  readonly role: string;
  readonly pid: number;
  readonly port: number;
  readonly log: string;
  /** ISO 8601. */
  readonly startedAt: string;
}

export interface EngineRecord {
  readonly engine: string;
  /** Which kind of this engine the data belong to, such as `standalone`: another kind cannot use them. */
  readonly form: string;
  /** What a client is told, such as `127.0.0.1:2181`. */
  readonly address: string;
  /** In the order they were started. */
  readonly processes: readonly ProcessRecord[];
}

const FILE = 'engine.json';

/** Undefined when no engine has used the directory. */
export async function readRecord(dataDirectory: string): Promise<EngineRecord | undefined> {
  try {
    return JSON.parse(await readFile(join(dataDirectory, FILE), 'utf8')) as EngineRecord;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new EngineError(
      `${join(dataDirectory, FILE)} cannot be read. Remove the directory and start again.`,
      {
        cause: error,
      },
    );
  }
}

export async function writeRecord(dataDirectory: string, record: EngineRecord): Promise<void> {
  const file = join(dataDirectory, FILE);
  // In one step: somebody may be reading it.
  await writeFile(`${file}.new`, `${JSON.stringify(record, null, 2)}\n`);
  await rename(`${file}.new`, file);
}

/**
 * Makes the directory usable for one engine, or says why it is not: it holds something else, or data of another engine or
 * form, or the servers that use it still run.
 */
export async function claimDataDirectory(dataDirectory: string, engine: string, form: string): Promise<void> {
  await mkdir(dataDirectory, { recursive: true });
  const record = await readRecord(dataDirectory);
  if (record === undefined) {
    if ((await readdir(dataDirectory)).length > 0)
      throw new EngineError(
        `${dataDirectory} holds something that no engine has put there. Name an empty directory.`,
      );
    // From here on it is the engine's, even if its first start is cut short.
    await writeRecord(dataDirectory, { engine, form, address: '', processes: [] });
    return;
  }
  const running = await runningProcesses(dataDirectory, record);
  if (running.length > 0)
    throw new EngineError(
      `${record.engine} runs on ${dataDirectory} already, as ${describe(running)}. ` +
        `Stop it first: npm run engines -- ${record.engine} stop --data-directory ${dataDirectory}`,
    );
  if (record.engine !== engine || record.form !== form)
    throw new EngineError(
      `${dataDirectory} belongs to ${record.engine} (${record.form}), not to ${engine} (${form}). ` +
        'Name another directory, or remove this one.',
    );
}

export async function runningProcesses(
  dataDirectory: string,
  record: EngineRecord,
): Promise<readonly ProcessRecord[]> {
  const alive = await Promise.all(record.processes.map(({ pid }) => isRunning(pid, dataDirectory)));
  return record.processes.filter((_, index) => alive[index] === true);
}

/** Stops what runs, last started first. Returns what was stopped. */
export async function stopRecorded(dataDirectory: string): Promise<readonly ProcessRecord[]> {
  const record = await readRecord(dataDirectory);
  if (record === undefined) return [];
  const running = await runningProcesses(dataDirectory, record);
  for (const { pid } of running.toReversed()) await terminate(pid, dataDirectory);
  return running;
}

function describe(processes: readonly ProcessRecord[]): string {
  return processes.map(({ role, pid }) => `${role} (process ${pid})`).join(', ');
}
