/**
 * Mends the rows of one partition that differ from the log: what the log does not have goes, what it has is written with its own
 * offset, so that whoever folds the log meanwhile is never overwritten.
 */
import type { LogEntry, Offset } from '../../src/event-log/event-log.ts';
import { logStretch } from '../fold/log-stretch.ts';
import type { JobTopic, RowVersion } from '../stores.ts';
import type { Difference } from './difference.ts';

/** Rows written, or removed, in one call. */
const ROWS_PER_CALL = 1_000;

export interface RepairOptions {
  readonly topic: JobTopic;
  readonly partition: number;
  readonly differences: readonly Difference[];
  /** Where the log was read to when they were found. */
  readonly end: Offset;
  readonly onProgress: (count: number) => void;
}

export async function repairPartition(options: RepairOptions): Promise<void> {
  const { topic, onProgress } = options;
  const { through, exactly } = unknownRows(options);
  for (const versions of inBatches(through)) {
    await topic.upkeep.removeThrough(versions);
    onProgress(versions.length);
  }
  for (const versions of inBatches([...exactly, ...(await hidingTombstones(options))])) {
    await topic.upkeep.removeExactly(versions);
    onProgress(versions.length);
  }
  await writeRecords(options);
}

/**
 * Rows that no record of the log has made. What they hide goes with them, unless a record of their key belongs there, or will
 * once the log has grown that far.
 */
function unknownRows({ differences, end }: RepairOptions): {
  readonly through: readonly RowVersion[];
  readonly exactly: readonly RowVersion[];
} {
  const through: RowVersion[] = [];
  const exactly: RowVersion[] = [];
  for (const { partition, key, kind, there, shouldBe } of differences) {
    if (kind !== 'unknown' || there === undefined) continue;
    const removed = shouldBe === undefined && there.offset < end ? through : exactly;
    removed.push({ partition, key, offset: there.offset });
  }
  return { through, exactly };
}

/**
 * A row that is missing may be hidden by a tombstone that no record of the log has made: one from before `end`, where the log says
 * otherwise, or one from beyond the end of the log. One from in between is the work of somebody who folds the log now.
 */
async function hidingTombstones({
  topic: { log, upkeep },
  partition,
  differences,
  end,
}: RepairOptions): Promise<readonly RowVersion[]> {
  const missing = new Set(differences.flatMap(({ kind, key }) => (kind === 'missing' ? [key] : [])));
  if (missing.size === 0) return [];
  const hiding: RowVersion[] = [];
  for await (const batch of upkeep.tombstones(Infinity, partition)) {
    hiding.push(...batch.filter(({ key }) => missing.has(key)));
  }
  const endNow = (await log.endOffsets())[partition] ?? end;
  return hiding.filter(({ offset }) => offset < end || offset >= endNow);
}

/** Reads the log once more, whether one row is wanted or all of them. A record that is not there any more was superseded. */
async function writeRecords({
  topic,
  partition,
  differences,
  end,
  onProgress,
}: RepairOptions): Promise<void> {
  const wanted = new Map<string, Offset>();
  for (const { key, shouldBe } of differences) if (shouldBe !== undefined) wanted.set(key, shouldBe.offset);
  if (wanted.size === 0) return;
  for await (const entries of logStretch(topic.log, partition, 0 as Offset, end)) {
    const rows = entries.filter(({ key, offset }) => wanted.get(key) === offset);
    for (const batch of inBatches<LogEntry>(rows)) await topic.snapshot.write(batch);
    onProgress(rows.length);
  }
}

function* inBatches<T>(items: readonly T[]): Generator<readonly T[], void, undefined> {
  for (let first = 0; first < items.length; first += ROWS_PER_CALL) {
    yield items.slice(first, first + ROWS_PER_CALL);
  }
}
