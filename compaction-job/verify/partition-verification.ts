/**
 * Proves one partition of a snapshot: folds its log again from the beginning and compares every row. Nothing has to stand still
 * for that; what changes meanwhile is told from what is wrong by its offset.
 */
import type { Offset } from '../../src/event-log/event-log.ts';
import { parseRecordKey } from '../../src/event-log/record-key.ts';
import { UndecodableRecordError } from '../../src/event-log/undecodable-record-error.ts';
import type { SnapshotRow } from '../../src/metadata/snapshot-store.ts';
import { decodeSessionEvent } from '../../src/event-log/session-event-codec.ts';
import { logStretch } from '../fold/log-stretch.ts';
import type { JobTopic } from '../stores.ts';
import { type Comparison, compareAbsence, compareRow, type SnapshotEntry } from './comparison.ts';
import type { Difference } from './difference.ts';
import { type KeyState, stateOf } from './key-evolution.ts';
import { LoggedKeys } from './logged-keys.ts';
import { recordDigest } from './record-digest.ts';

export interface VerifiedPartition {
  readonly rows: number;
  readonly records: number;
  readonly undecodable: number;
  readonly overruled: number;
  readonly differences: readonly Difference[];
  /** Where the log ended when it was read last. */
  readonly end: Offset;
}

/** A row that is not what the log said when it was scanned. */
interface Suspect extends SnapshotEntry {
  readonly key: string;
  readonly event: string;
}

export async function verifyPartition(
  topic: JobTopic,
  partition: number,
  onProgress: (count: number) => void,
): Promise<VerifiedPartition> {
  const verification = new PartitionVerification(topic, partition, onProgress);
  return await verification.run();
}

class PartitionVerification {
  readonly #topic: JobTopic;
  readonly #partition: number;
  readonly #onProgress: (count: number) => void;
  readonly #keys = new LoggedKeys();
  #suspects: Suspect[] = [];
  #checkpoint = 0 as Offset;
  #next = 0 as Offset;
  #rows = 0;
  #overruled = 0;
  #differences: Difference[] = [];

  constructor(topic: JobTopic, partition: number, onProgress: (count: number) => void) {
    this.#topic = topic;
    this.#partition = partition;
    this.#onProgress = onProgress;
  }

  /** The order matters: what the checkpoint promises was in the rows before they were scanned, and every row was on the log. */
  async run(): Promise<VerifiedPartition> {
    const checkpoints = await this.#topic.snapshot.loadCheckpoint();
    this.#checkpoint = checkpoints?.[this.#partition] ?? (0 as Offset);
    await this.#readLog();
    await this.#scan();
    await this.#readLog();
    this.#compare();
    if (this.#differences.length > 0) {
      // A record that was superseded and compacted away just before it was read: the one that took its place is there by now.
      await this.#readLog();
      this.#compare();
    }
    return {
      rows: this.#rows,
      records: this.#keys.records,
      undecodable: this.#keys.undecodable,
      overruled: this.#overruled,
      differences: this.#differences,
      end: this.#next,
    };
  }

  async #readLog(): Promise<void> {
    const { log } = this.#topic;
    const end = (await log.endOffsets())[this.#partition] ?? (0 as Offset);
    for await (const entries of logStretch(log, this.#partition, this.#next, end)) {
      this.#keys.apply(entries);
      this.#onProgress(entries.length);
    }
    if (end > this.#next) this.#next = end;
  }

  async #scan(): Promise<void> {
    for await (const rows of this.#topic.snapshot.scan(this.#partition)) {
      for (const row of rows) this.#look(row);
      this.#rows += rows.length;
      this.#onProgress(rows.length);
    }
  }

  /** Nearly every row is what the log said a moment before; the others are looked at again at the end. */
  #look(row: SnapshotRow): void {
    const { key, offset, event } = row;
    const logged = this.#keys.get(key);
    if (logged !== undefined) logged.inSnapshot = true;
    const digest = recordDigest(row);
    if (logged?.offset === offset && logged.digest === digest) return;
    this.#suspects.push({ key, offset, event, digest, state: keyStateOf(row) });
  }

  #compare(): void {
    this.#overruled = 0;
    this.#differences = [];
    const present = new Set<string>();
    for (const suspect of this.#suspects) {
      present.add(suspect.key);
      const found = compareRow(suspect, this.#keys.get(suspect.key), this.#checkpoint);
      this.#note(suspect.key, suspect, found);
    }
    for (const [key, logged] of this.#keys.entries()) {
      if (logged.inSnapshot || present.has(key)) continue;
      this.#note(key, undefined, compareAbsence(logged, this.#checkpoint));
    }
  }

  #note(key: string, there: Suspect | undefined, found: Comparison): void {
    if (found.is === 'overruled') this.#overruled++;
    if (found.is !== 'different') return;
    const { kind, recordAt } = found;
    const logged = this.#keys.get(key);
    this.#differences.push({
      topic: this.#topic.name,
      partition: this.#partition,
      key,
      kind,
      there: there && { offset: there.offset, event: there.event },
      shouldBe:
        recordAt === undefined
          ? undefined
          : { offset: recordAt, event: logged?.offset === recordAt ? logged.event : '' },
    });
  }
}

/** undefined: of a retained message, or it cannot be decoded, and is different at any rate. */
function keyStateOf(row: SnapshotRow): KeyState | undefined {
  try {
    if (parseRecordKey(row.key).kind === 'retained') return undefined;
    return stateOf(decodeSessionEvent(row), row.offset);
  } catch (error) {
    if (error instanceof UndecodableRecordError) return undefined;
    throw error;
  }
}
