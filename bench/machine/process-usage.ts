/**
 * CPU time and resident memory of a process and all its descendants, and CPU time of the whole machine, read from /proc.
 * Linux only; elsewhere NaN.
 */
import { readdirSync, readFileSync } from 'node:fs';

export interface Usage {
  /** User and system time since the processes began, in milliseconds; the kernel counts in steps of 10 ms. */
  readonly cpuMs: number;
  readonly residentBytes: number;
}

/** USER_HZ: 100 on every Linux that Node runs on. */
const MS_PER_CLOCK_TICK = 10;
const BYTES_PER_KIB = 1024;
/** Positions in /proc/{pid}/stat after the command's closing parenthesis (proc(5) numbers them from 3). */
const STAT_USER_TIME = 14 - 3;
const STAT_SYSTEM_TIME = 15 - 3;

export function treeUsage(pid: number): Usage {
  const parts = [processUsage(pid), ...childrenOf(pid).map((child) => treeUsage(child))];
  return {
    cpuMs: parts.reduce((sum, part) => sum + part.cpuMs, 0),
    residentBytes: parts.reduce((sum, part) => sum + part.residentBytes, 0),
  };
}

/** CPU time that all processes and the kernel have spent since the machine started, in milliseconds. */
export function machineCpuMs(): number {
  const [total = ''] = (readProc('stat') ?? '').split('\n');
  const [user, nice, system, , , interrupts, softInterrupts] = total.split(/\s+/).slice(1).map(Number);
  const busyTicks = [user, nice, system, interrupts, softInterrupts];
  return busyTicks.reduce<number>((sum, ticks) => sum + (ticks ?? Number.NaN), 0) * MS_PER_CLOCK_TICK;
}

function processUsage(pid: number): Usage {
  const stat = readProc(`${pid}/stat`);
  const status = readProc(`${pid}/status`);
  if (stat === undefined || status === undefined) return { cpuMs: Number.NaN, residentBytes: Number.NaN };
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[STAT_USER_TIME]) + Number(fields[STAT_SYSTEM_TIME]);
  const residentKib = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0);
  return { cpuMs: ticks * MS_PER_CLOCK_TICK, residentBytes: residentKib * BYTES_PER_KIB };
}

function childrenOf(pid: number): number[] {
  let threads: string[];
  try {
    threads = readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
  return threads.flatMap((thread) => {
    const children = readProc(`${pid}/task/${thread}/children`)?.trim() ?? '';
    return children === '' ? [] : children.split(' ').map(Number);
  });
}

/** Undefined when the process has ended meanwhile, or there is no /proc. */
function readProc(path: string): string | undefined {
  try {
    return readFileSync(`/proc/${path}`, 'utf8');
  } catch {
    return undefined;
  }
}
