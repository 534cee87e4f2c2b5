/**
 * Tombstones in the snapshot that have done their work: they keep a late writer from bringing a removed row back, and no writer
 * is late by a day.
 */
import type { Offset } from '../../src/event-log/event-log.ts';
import type { JobTopic } from '../stores.ts';

export interface TombstoneBounds {
  /** Only what lies before it: who starts from the snapshot reads the log from here on and may need no tombstone before. */
  readonly checkpoint: Offset;
  /** Only what was removed before, milliseconds since 1970. */
  readonly beforeMs: number;
}

/** How many there were; `dryRun`: and still are. */
export async function forgetOldTombstones(
  { upkeep }: Pick<JobTopic, 'upkeep'>,
  partition: number,
  { checkpoint, beforeMs }: TombstoneBounds,
  dryRun: boolean,
): Promise<number> {
  let old = 0;
  for await (const batch of upkeep.tombstones(beforeMs, partition)) {
    const versions = batch.filter(({ offset }) => offset < checkpoint);
    if (versions.length > 0 && !dryRun) await upkeep.removeThrough(versions);
    old += versions.length;
  }
  return old;
}
