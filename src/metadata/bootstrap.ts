/**
 * Brings a fold of one topic up to date when a broker starts: checkpoint, snapshot, then the tail of the log,
 * and goes on following it. Time depends on the live state and the tail, not on the length of the log.
 */
import type { EventLog, LogEntry, LogFollower, LogPosition, Offset } from '../event-log/event-log.ts';
import type { Clock } from '../time/clock.ts';
import { RemovedRows } from './removed-rows.ts';
import type { SnapshotRow, SnapshotStore } from './snapshot-store.ts';

export type BootstrapPhase = 'snapshot' | 'tail';

/** Rows of a snapshot applied in one turn of the event loop: a few milliseconds. */
const ROWS_PER_TURN = 1_000;

export interface BootstrapOptions {
  readonly log: EventLog;
  readonly snapshot: SnapshotStore;
  readonly clock: Clock;
  /**
   * Takes a row of the snapshot or a record of the log, and every record that comes later. Idempotent: it may
   * get a record that is older than what it knows of the key, and ignores it by its offset.
   */
  readonly apply: (row: SnapshotRow) => void;
  /** Told how far a partition is applied: up to and including the position. */
  readonly onApplied?: (position: LogPosition) => void;
  /** Resolves in a later turn of the event loop. Awaited between stretches of the snapshot, so that others get their turn. */
  readonly pause?: () => Promise<void>;
  /** Called when a phase begins, and after every stretch, with what the phase has applied so far. */
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
  const { log, snapshot, clock, apply, onApplied, pause, onProgress } = options;
  const startedAtMs = clock.nowMs();
  onProgress?.('snapshot', 0);
  const checkpoint = await snapshot.loadCheckpoint();
  const removed = new RemovedRows();
  let snapshotRows = 0;
  if (checkpoint !== undefined) {
    for await (const scanned of snapshot.scan(undefined, checkpoint)) {
      const rows = removed.sift(scanned);
      for (let first = 0; first < rows.length; first += ROWS_PER_TURN) {
        const stretch = rows.slice(first, first + ROWS_PER_TURN);
        for (const row of stretch) apply(row);
        snapshotRows += stretch.length;
        onProgress?.('snapshot', snapshotRows);
        await pause?.();
      }
    }
  }

  const scannedAtMs = clock.nowMs();
  onProgress?.('tail', 0);
  let tailRecords = 0;
  let caughtUp = false;
  const from = checkpoint ?? (await log.startOffsets());
  for (const [partition, offset] of from.entries())
    onApplied?.({ partition, offset: (offset - 1) as Offset });
  const follower = await log.follow(from, (entries) => {
    for (const entry of removed.news(entries)) apply(entry);
    if (onApplied !== undefined) for (const entry of lastOfEach(entries)) onApplied(entry);
    if (caughtUp) return;
    tailRecords += entries.length;
    onProgress?.('tail', tailRecords);
  });
  caughtUp = true;
  removed.clear();
  const tailMs = clock.nowMs() - scannedAtMs;
  return { follower, snapshotRows, tailRecords, snapshotMs: scannedAtMs - startedAtMs, tailMs };
}

/** The last entry of each partition. */
function lastOfEach(entries: readonly LogEntry[]): Iterable<LogEntry> {
  return new Map(entries.map((entry) => [entry.partition, entry])).values();
}
