/**
 * Runs a process that puts load on HBase, and reads what it and HBase used while its measured window was open. The process
 * says on standard output when the window begins and, when it ends, what was done in it; one JSON object a line.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { coreCount } from '../machine/cpu-pinning.ts';
import { machineCpuMs, treeUsage } from '../machine/process-usage.ts';

export interface LoadCommand {
  readonly command: string;
  readonly args: readonly string[];
}

/** What the process says of its window. Further figures are a scenario's own. */
export interface LoadFigures {
  readonly messages: number;
  readonly calls: number;
  readonly elapsedMs: number;
  /** Of one call, or of one message from when it was due until it was durable. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly [figure: string]: number;
}

export interface MeasuredLoad {
  readonly figures: LoadFigures;
  /** CPU time in the window, milliseconds. */
  readonly loadCpuMs: number;
  readonly hbaseCpuMs: number;
  /** Part of the machine that neither of the two used, but others did. */
  readonly othersPart: number;
}

interface UsageSample {
  readonly loadMs: number;
  readonly hbaseMs: number;
  readonly machineMs: number;
}

/** The end of what a process wrote to standard error, shown when it fails. */
const ERROR_CHARACTERS_MAX = 2000;

/** What an interrupted run must not leave behind. */
const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Rejects when the process fails or ends without having said what it did. */
export async function runLoad({ command, args }: LoadCommand, hbasePid: number): Promise<MeasuredLoad> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-ERROR_CHARACTERS_MAX);
  });
  const sample = (): UsageSample => ({
    loadMs: treeUsage(child.pid ?? 0).cpuMs,
    hbaseMs: treeUsage(hbasePid).cpuMs,
    machineMs: machineCpuMs(),
  });
  const ended = once(child, 'close');
  let before: UsageSample | undefined;
  let measured: MeasuredLoad | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    const said: unknown = JSON.parse(line);
    if (isBegin(said)) before = sample();
    else if (isLoadFigures(said) && before !== undefined) measured = difference(said, before, sample());
  }
  const [status] = (await ended) as [number | null];
  running.delete(child);
  if (status === 0 && measured !== undefined) return measured;
  throw new Error(`${command} ended with ${status ?? 'a signal'} and said: ${errors.trim()}`);
}

function difference(figures: LoadFigures, before: UsageSample, after: UsageSample): MeasuredLoad {
  const loadCpuMs = after.loadMs - before.loadMs;
  const hbaseCpuMs = after.hbaseMs - before.hbaseMs;
  const othersMs = after.machineMs - before.machineMs - loadCpuMs - hbaseCpuMs;
  return { figures, loadCpuMs, hbaseCpuMs, othersPart: othersMs / (figures.elapsedMs * coreCount) };
}

function isBegin(said: unknown): boolean {
  return typeof said === 'object' && said !== null && 'event' in said && said.event === 'begin';
}

function isLoadFigures(said: unknown): said is LoadFigures {
  return typeof said === 'object' && said !== null && 'messages' in said && 'elapsedMs' in said;
}
