/**
 * Brings a fold of one topic up to date when a broker starts: checkpoint, snapshot, then the tail of the log,
 * and goes on following it. Time depends on the live state and the tail, not on the length of the log.
 */
import type { EventLog, LogFollower } from '../event-log/event-log.ts';
import type { Clock } from '../time/clock.ts';
import type { SnapshotRow, SnapshotStore } from './snapshot-store.ts';

export type BootstrapPhase = 'snapshot' | 'tail';

export interface BootstrapOptions {
  readonly log: EventLog;
  readonly snapshot: SnapshotStore;
  readonly clock: Clock;
  /**
   * Takes a row of the snapshot or a record of the log, and every record that comes later. Idempotent: it may
   * get a record that is older than what it knows of the key, and ignores it by its offset.
   */
  readonly apply: (row: SnapshotRow) => void;
  /** Called after every batch with what the phase has applied so far. */
  readonly onProgress?: (phase: BootstrapPhase, applied: number) => void;
}

export interface Bootstrapped {
  /** Goes on applying records until it is stopped. */
  readonly follower: LogFollower;
  readonly snapshotRows: number;
  readonly tailRecords: number;
  readonly snapshotMs: number;
  readonly tailMs: number;
}

/** Resolves when everything that was in the log at the call is applied. Rejects if log or snapshot does. */
export async function bootstrap(options: BootstrapOptions): Promise<Bootstrapped> {
  const { log, snapshot, clock, apply, onProgress } = options;
  const startedAtMs = clock.nowMs();
  const checkpoint = await snapshot.loadCheckpoint();
  let snapshotRows = 0;
  if (checkpoint !== undefined) {
    for await (const rows of snapshot.scan()) {
      for (const row of rows) apply(row);
      snapshotRows += rows.length;
      onProgress?.('snapshot', snapshotRows);
    }
  }

  const scannedAtMs = clock.nowMs();
  let tailRecords = 0;
  let caughtUp = false;
  const follower = await log.follow(checkpoint ?? (await log.startOffsets()), (entries) => {
    for (const entry of entries) apply(entry);
    if (caughtUp) return;
    tailRecords += entries.length;
    onProgress?.('tail', tailRecords);
  });
  caughtUp = true;
  const tailMs = clock.nowMs() - scannedAtMs;
  return { follower, snapshotRows, tailRecords, snapshotMs: scannedAtMs - startedAtMs, tailMs };
}
