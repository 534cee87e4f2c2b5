/** Reads a stretch of one partition of the log, batch by batch: bounded in bytes, whatever the size of its records. */
import type { EventLog, LogEntry, Offset } from '../../src/event-log/event-log.ts';

/** Aimed at per batch; the first one is read before anything is known. */
const BATCH_BYTES = 4 * 1_048_576;
const FIRST_RECORDS = 1_000;
const RECORDS_MIN = 16;
const RECORDS_MAX = 20_000;

/** Records from `from` on and before `to`, in order; batches of at least one. */
export async function* logStretch(
  log: EventLog,
  partition: number,
  from: Offset,
  to: Offset,
): AsyncGenerator<readonly LogEntry[], void, undefined> {
  let next = from;
  let records = FIRST_RECORDS;
  while (next < to) {
    const entries = await log.read(partition, next, records);
    const last = entries.at(-1);
    // Nothing left before the end: what was there has been compacted away.
    if (last === undefined) return;
    const inside = last.offset < to ? entries : entries.filter(({ offset }) => offset < to);
    if (inside.length > 0) yield inside;
    next = (last.offset + 1) as Offset;
    records = recordsFor(entries);
  }
}

function recordsFor(entries: readonly LogEntry[]): number {
  const bytes = entries.reduce((sum, { key, value }) => sum + key.length + (value?.length ?? 0), 0);
  const fitting = Math.floor((BATCH_BYTES * entries.length) / Math.max(bytes, 1));
  return Math.min(Math.max(fitting, RECORDS_MIN), RECORDS_MAX);
}
