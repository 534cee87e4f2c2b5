/**
 * The machine in neutral words, for the head of a result: what a reader needs to compare figures, and no more.
 */
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { monotonicMs } from '../driver/monotonic-clock.ts';
import { coreCount, isPinned } from './cpu-pinning.ts';

const SYNC_PROBES = 50;
const SYNC_PROBE_BYTES = 4096;
const BYTES_PER_GIB = 2 ** 30;

/** `sharing`: who runs on which cores. */
export function describeMachine(
  dataDirectory: string,
  sharing = isPinned
    ? 'the broker on one core, the driver on the others'
    : 'broker and driver sharing the cores',
): string {
  const cores = `${coreCount} cores (${cpus()[0]?.model.trim() ?? 'unknown processor'})`;
  const memory = `${Math.round(totalmem() / BYTES_PER_GIB)} GiB of memory`;
  const sync = `fdatasync of 4 KiB: ${medianSyncMs(dataDirectory).toFixed(2)} ms`;
  return `${cores}, ${memory}, ${process.platform}, Node ${process.version}; ${sharing}; ${sync}`;
}

/** Median time of one small synced append in `directory`: what each sync of a durable broker costs at least. */
function medianSyncMs(directory: string): number {
  const scratch = mkdtempSync(join(directory, 'spoke-bench-sync-'));
  const file = openSync(join(scratch, 'probe'), 'w');
  const times = Array.from({ length: SYNC_PROBES }, () => {
    const startMs = monotonicMs();
    writeSync(file, Buffer.alloc(SYNC_PROBE_BYTES, 1));
    fdatasyncSync(file);
    return monotonicMs() - startMs;
  });
  closeSync(file);
  rmSync(scratch, { recursive: true });
  return times.sort((a, b) => a - b)[Math.floor(SYNC_PROBES / 2)] ?? Number.NaN;
}
