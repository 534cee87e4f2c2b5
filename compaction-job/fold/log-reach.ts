/** Checkpoint and end of a topic's log, and that the one is not beyond the other: then log and snapshot do not belong together. */
import type { Offset } from '../../src/event-log/event-log.ts';
import type { JobTopic } from '../stores.ts';

export interface LogReach {
  /** One per partition; undefined: there is no checkpoint. */
  readonly checkpoints: readonly Offset[] | undefined;
  readonly ends: readonly Offset[];
}

/** The snapshot is not of this log. Nothing may be concluded from either. */
export class ForeignSnapshotError extends Error {
  override readonly name = 'ForeignSnapshotError';
  readonly code = 'SNAPSHOT_FOREIGN';
}

/** The ends are looked up last: a checkpoint that is taken meanwhile is not beyond them. */
export async function logReach({ name, log, snapshot }: JobTopic): Promise<LogReach> {
  const checkpoints = await snapshot.loadCheckpoint();
  const ends = await log.endOffsets();
  for (const [partition, checkpoint] of checkpoints?.entries() ?? []) {
    const end = ends[partition];
    if (end !== undefined && end >= checkpoint) continue;
    throw new ForeignSnapshotError(
      `The snapshot of ${name} reaches offset ${checkpoint} of partition ${partition}, ` +
        `${end === undefined ? 'which the log does not have' : `and the log ends at ${end}`}: ` +
        'kafka and hbase in the configuration belong to two installations, or the topic was made anew.',
    );
  }
  return { checkpoints, ends };
}
