/**
 * Processes known by their id alone: whether one is still the server that was started, and how to end it. An id that the
 * system has given to something else meanwhile is never signalled.
 */
import { readFile } from 'node:fs/promises';
import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 100;
/** HBase takes seven seconds to close its regions on a quiet machine. */
const TERMINATE_MS_MAX = 45_000;

/** `mark` is something only that process has on its command line, such as its data directory. */
export async function isRunning(pid: number, mark: string): Promise<boolean> {
  return (await commandLine(pid)).includes(mark);
}

/** SIGTERM, and SIGKILL when that is not obeyed in time. Resolves when the process is gone. */
export async function terminate(pid: number, mark: string): Promise<void> {
  if (!(await isRunning(pid, mark))) return;
  process.kill(pid, 'SIGTERM');
  const deadlineMs = performance.now() + TERMINATE_MS_MAX;
  while (await isRunning(pid, mark)) {
    if (performance.now() > deadlineMs) process.kill(pid, 'SIGKILL');
    await sleep(POLL_MS);
  }
}

/** Empty when there is no such process, or when it has ended and waits for its parent to notice. */
async function commandLine(pid: number): Promise<string> {
  try {
    return await readFile(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    if (process.platform === 'linux') return '';
    return spawnSync('ps', ['-ww', '-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).stdout;
  }
}
