/** Proves the snapshot of a whole topic, partition by partition, and mends it if that is asked for. */
import type { Progress } from '../progress.ts';
import type { JobTopic } from '../stores.ts';
import { DIFFERENCES_LISTED_MAX, type VerificationSummary } from '../summary.ts';
import { repairPartition } from './partition-repair.ts';
import { verifyPartition } from './partition-verification.ts';

/** What hides behind a row that was removed shows only when it is gone. */
const REPAIRS_MAX = 3;

export interface VerificationOptions {
  readonly repair: boolean;
  readonly progress: Progress;
}

/** Adds what was found to `summary`. */
export async function verifyTopic(
  topic: JobTopic,
  { repair, progress }: VerificationOptions,
  summary: VerificationSummary,
): Promise<void> {
  const step = progress.step(`verify ${topic.name}`, 'rows and records');
  for (let partition = 0; partition < topic.log.partitionCount; partition++) {
    let found = await verifyPartition(topic, partition, step.add);
    const { rows, records, undecodable, overruled, differences } = found;
    summary.rows += rows;
    summary.records += records;
    summary.undecodable += undecodable;
    summary.overruled += overruled;
    summary.differences += differences.length;
    summary.listed.push(...differences.slice(0, DIFFERENCES_LISTED_MAX - summary.listed.length));
    for (let repairs = 0; repair && found.differences.length > 0 && repairs < REPAIRS_MAX; repairs++) {
      const { differences: wrong, end } = found;
      await repairPartition({ topic, partition, differences: wrong, end, onProgress: step.add });
      found = await verifyPartition(topic, partition, step.add);
    }
    summary.differencesLeft += found.differences.length;
  }
  step.end();
}
