/**
 * Opening what a crash left behind: finds the segments, cuts the torn tail off the last one, and hands over
 * every record that survived. Damage never stops a start; it is skipped and reported.
 */
import type { FileSystem } from '../file-system.ts';
import type { RecordPosition } from './journal-position.ts';
import { checkSegmentHeader, SEGMENT_HEADER_BYTES, segmentOfFileName } from './record-framing.ts';
import { scanSegment } from './segment-scan.ts';
import type { ScannedRecord } from './segment-scan.ts';
import { Segment } from './segment.ts';

/** What a journal reports to whoever opened it; none of it stops the journal. */
export type JournalEvent =
  /** Bytes at the end that no sync had confirmed; `records` counts what was recognisable among them. */
  | {
      readonly type: 'tornTailCut';
      readonly path: string;
      readonly offset: number;
      readonly bytes: number;
      readonly records: number;
    }
  /** Durable bytes that have changed since they were written: the records in them are lost. */
  | { readonly type: 'damageSkipped'; readonly path: string; readonly offset: number; readonly bytes: number }
  /** Appends are refused from here on … */
  | { readonly type: 'writeFailed'; readonly path: string; readonly error: unknown }
  /** … up to here: everything that was refused meanwhile is durable now. */
  | { readonly type: 'writeRecovered' };

export interface Recovered {
  readonly segments: readonly Segment[];
  readonly tornBytes: number;
  readonly damagedBytes: number;
}

export interface RecoveryOptions {
  readonly fileSystem: FileSystem;
  readonly directory: string;
  /** Records before it are not visited, and known to have been durable. */
  readonly from: RecordPosition;
  readonly visit: (record: ScannedRecord) => void;
  readonly observe: (event: JournalEvent) => void;
}

export async function recoverSegments(options: RecoveryOptions): Promise<Recovered> {
  const { fileSystem, directory, from, observe } = options;
  const segments = await findSegments(fileSystem, directory);
  const last = segments.at(-1);
  const tornBytes = last === undefined ? 0 : await cutTornTail(last, from, observe);
  let damagedBytes = 0;
  for (const segment of segments) {
    if (segment.number < from.segment) continue;
    const start = segment.number === from.segment ? from.offset : SEGMENT_HEADER_BYTES;
    const { damage } = await scanSegment(segment, start, options.visit);
    for (const { offset, bytes } of damage) {
      damagedBytes += bytes;
      observe({ type: 'damageSkipped', path: segment.path, offset, bytes });
    }
  }
  return { segments, tornBytes, damagedBytes };
}

async function findSegments(fileSystem: FileSystem, directory: string): Promise<Segment[]> {
  const numbers: number[] = [];
  for (const name of await fileSystem.list(directory)) {
    const number = segmentOfFileName(name);
    if (number !== undefined) numbers.push(number);
  }
  const segments: Segment[] = [];
  for (const number of numbers.sort((left, right) => left - right)) {
    const segment = new Segment(fileSystem, directory, number, 0, true);
    const file = await segment.open();
    segment.bytes = await file.size();
    await refuseForeign(segment);
    segments.push(segment);
  }
  return segments;
}

/** A segment of a later release is not damage: reading on would lose what it holds. */
async function refuseForeign(segment: Segment): Promise<void> {
  const header = Buffer.alloc(Math.min(SEGMENT_HEADER_BYTES, segment.bytes));
  await segment.read(header, 0);
  if (checkSegmentHeader(header, segment.number) === 'foreign') {
    throw new Error(
      `${segment.path} is not a segment of this journal or was written by a later release: ` +
        'start the release that wrote it, or move the file away',
    );
  }
}

/**
 * A torn tail begins at the first damage behind the last group mark and behind the place where replay begins. Damage
 * before them had been synced once, so it is not a tail and what follows it stays. The file is cut, so that the next start sees no damage.
 */
async function cutTornTail(
  segment: Segment,
  from: RecordPosition,
  observe: (event: JournalEvent) => void,
): Promise<number> {
  if (segment.number < from.segment) return 0;
  const whole = segment.bytes;
  const survey = await scanSegment(segment, SEGMENT_HEADER_BYTES, () => undefined);
  const durableThrough = Math.max(survey.lastMark, segment.number === from.segment ? from.offset : 0);
  const tail = survey.damage.find(({ offset }) => offset >= durableThrough);
  const end = whole < SEGMENT_HEADER_BYTES ? 0 : (tail?.offset ?? whole);
  const file = await segment.open();
  if (end < whole) {
    let kept = 0;
    segment.bytes = end;
    await scanSegment(segment, SEGMENT_HEADER_BYTES, () => kept++);
    const records = survey.records - kept + 1;
    observe({ type: 'tornTailCut', path: segment.path, offset: end, bytes: whole - end, records });
    await file.truncate(end);
  }
  // What was read may still be in the page cache only: what is replayed has to be as durable as what follows.
  await file.datasync();
  return whole - end;
}
