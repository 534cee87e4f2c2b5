/**
 * The event log on the local disk, one partition: a journal that takes the appends, and behind it an archive
 * that is compacted. What the journal has filled moves to the archive in the background, so a start replays a
 * bounded stretch however long the log is. The directory belongs to this instance; its owner holds the lock.
 */
import path from 'node:path';
import { StoreUnavailableError } from '../../../errors/store-unavailable-error.ts';
import type {
  EventLog,
  LogEntry,
  LogFollower,
  LogPosition,
  LogRecord,
  Offset,
} from '../../../event-log/event-log.ts';
import { decodeEntry, encodeEntry, entryBytesMax, entryOffset, entryTimestampMs } from '../entry-codec.ts';
import { nodeFileSystem } from '../file-system.ts';
import type { FileSystem } from '../file-system.ts';
import { openJournal } from '../journal/journal.ts';
import type { Journal } from '../journal/journal.ts';
import { comparePositions } from '../journal/journal-position.ts';
import type { RecordPosition } from '../journal/journal-position.ts';
import type { JournalEvent } from '../journal/recovery.ts';
import { Archive } from './archive.ts';
import { READ_BYTES } from './archive-segment.ts';
import { compactableSegments, LogCleaner } from './log-cleaner.ts';
import type { CompactionStats } from './log-cleaner.ts';
import { LogFollowers } from './log-followers.ts';
import { enforceRetention, isFullByAge, segmentBytesOf, type LogRetention } from './log-retention.ts';
import { LogTail } from './log-tail.ts';

const PARTITION = 0;
const ENTRY_TYPE = 1;
export const DEFAULT_COMPACTION_LAG_MS = 7 * 24 * 3_600_000;
/** Journal blocks kept in memory: readers mostly want the newest records. */
const CACHE_BYTES = 4 * 1_048_576;
/** Compaction starts by itself when the dirty part has grown to this share of the clean one. */
const DIRTY_SHARE = 0.5;

export type EventLogEvent =
  | JournalEvent
  /** A part of the archive is not what was written; its records are lost. */
  | { readonly type: 'damaged'; readonly path: string; readonly error: unknown }
  | { readonly type: 'compacted'; readonly stats: CompactionStats }
  /** Archiving or compaction failed; it is tried again when the next segment is full. */
  | { readonly type: 'maintenanceFailed'; readonly error: unknown };

export interface EmbeddedEventLogOptions {
  /** Made if it is not there. */
  readonly directory: string;
  /** `os`: durable once the operating system has it; survives `kill -9`, not a loss of power. */
  readonly durability: 'fsync' | 'os';
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
  /** How long every single record can be read. Default 7 days. */
  readonly compactionLagMs?: number;
  /** Instead of compaction: what is too old or too much is deleted, whatever its key; the size of segments follows from it. */
  readonly retention?: LogRetention;
  /** Bytes in the journal that move to the archive together. */
  readonly segmentBytes?: number;
  readonly fileSystem?: FileSystem;
  readonly observe?: (event: EventLogEvent) => void;
}

/** A record on its way to the disk. */
interface Staged extends RecordPosition {
  readonly entry: LogEntry;
}

/** Replays the journal. Rejects with the file system's errors; damage is reported and skipped. */
export async function openEmbeddedEventLog(options: EmbeddedEventLogOptions): Promise<EmbeddedEventLog> {
  const fileSystem = options.fileSystem ?? nodeFileSystem;
  const observe = options.observe ?? (() => undefined);
  await fileSystem.makeDirectory(options.directory);
  const archive = await Archive.open(fileSystem, path.join(options.directory, 'archive'), (file, error) => {
    observe({ type: 'damaged', path: file, error });
  });
  const tail = new LogTail();
  let end = archive.end;
  let onDurable: (position: RecordPosition) => void = () => undefined;
  const journal = await openJournal({
    directory: options.directory,
    fileSystem,
    durability: options.durability,
    segmentBytes: segmentBytesOf(options),
    cacheBytes: CACHE_BYTES,
    observe,
    replay: ({ segment, offset, body }) => {
      const logOffset = entryOffset(body, 0);
      if (logOffset < end) return; // In the archive already: a crash came before the segment was removed.
      tail.add(logOffset, { segment, offset }, entryTimestampMs(body, 0));
      end = (logOffset + 1) as Offset;
    },
    onDurable: (position) => {
      onDurable(position);
    },
  });
  const log = new EmbeddedEventLog(options, { archive, journal, tail, end });
  onDurable = (position) => {
    log.onDurable(position);
  };
  return log;
}

interface Parts {
  readonly archive: Archive;
  readonly journal: Journal;
  readonly tail: LogTail;
  readonly end: Offset;
}

export class EmbeddedEventLog implements EventLog {
  readonly partitionCount = 1;
  readonly #options: EmbeddedEventLogOptions;
  readonly #segmentBytes: number;
  readonly #archive: Archive;
  readonly #journal: Journal;
  readonly #tail: LogTail;
  readonly #followers: LogFollowers;
  #staged: Staged[] = [];
  #nextOffset: Offset;
  #durableEnd: Offset;
  /** Until somebody says otherwise all of them are needed: forgetting one too early brings its key back. */
  #tombstonesNeededFrom: () => Offset = () => 0 as Offset;
  #journalSegment: number;
  /** Archiving and compaction, one after the other. */
  #maintenance: Promise<unknown> = Promise.resolve();
  #closing = false;

  /** Use `openEmbeddedEventLog`. */
  constructor(options: EmbeddedEventLogOptions, parts: Parts) {
    this.#options = options;
    this.#segmentBytes = segmentBytesOf(options);
    this.#archive = parts.archive;
    this.#journal = parts.journal;
    this.#tail = parts.tail;
    this.#nextOffset = parts.end;
    this.#durableEnd = parts.end;
    this.#journalSegment = parts.journal.end.segment;
    this.#followers = new LogFollowers({
      view: (from) => this.#archive.view(from),
      read: (from, recordsMax) => this.read(PARTITION, from, recordsMax),
      end: () => this.#durableEnd,
    });
    this.#maintain();
  }

  /** Bytes accepted but not yet durable. */
  get unsyncedBytes(): number {
    return this.#journal.unsyncedBytes;
  }

  /** Bytes on the disk. */
  get bytes(): number {
    return this.#archive.bytes + this.#journal.segments().reduce((sum, { bytes }) => sum + bytes, 0);
  }

  partitionOf(): number {
    return PARTITION;
  }

  async append(records: readonly LogRecord[]): Promise<readonly LogPosition[]> {
    if (this.#closing) {
      throw new StoreUnavailableError(
        `The event log in ${this.#options.directory}`,
        'it was closed; open it again.',
      );
    }
    const positions = records.map((record) => this.#stage(record));
    if (positions.length > 0) await this.#journal.durable();
    return positions;
  }

  startOffsets(): Promise<readonly Offset[]> {
    return Promise.resolve([this.#archive.start ?? this.#tail.start ?? this.#durableEnd]);
  }

  endOffsets(): Promise<readonly Offset[]> {
    return Promise.resolve([this.#durableEnd]);
  }

  async offsetsAt(timestampMs: number): Promise<readonly Offset[]> {
    // Records may move from the journal to the archive meanwhile, and are not to be missed in both.
    let archivedEnd: Offset;
    let found: Offset | undefined;
    do {
      archivedEnd = this.#archive.end;
      found = (await this.#archive.firstSince(timestampMs)) ?? this.#tail.firstSince(timestampMs);
    } while (found === undefined && archivedEnd < this.#archive.end);
    return [Math.min(found ?? this.#durableEnd, this.#durableEnd) as Offset];
  }

  async read(partition: number, from: Offset, recordsMax: number): Promise<readonly LogEntry[]> {
    if (partition !== PARTITION) return [];
    let next = from;
    // The archive may grow during a read: only once nothing of it is ahead does the tail come next.
    while (next < this.#archive.end) {
      const end = this.#archive.end;
      const entries = await this.#archive.read(next, recordsMax);
      if (entries.length > 0) return entries;
      next = end;
    }
    return this.#readTail(next, recordsMax);
  }

  follow(from: readonly Offset[], handler: (entries: readonly LogEntry[]) => void): Promise<LogFollower> {
    return this.#followers.follow(from[PARTITION] ?? (0 as Offset), handler);
  }

  /**
   * Moves the end forward if it is before an offset that is known to have been given: what a snapshot's
   * checkpoint says after the end of the log was lost. To be called before the first append.
   */
  advanceTo(offset: Offset): void {
    if (offset <= this.#nextOffset) return;
    this.#nextOffset = offset;
    this.#durableEnd = offset;
  }

  /**
   * Compaction keeps the tombstones from this offset on: the checkpoint of who folds the log with `read`. Until
   * this is called it keeps all of them. Followers need not ask.
   */
  keepTombstonesFrom(offset: () => Offset): void {
    this.#tombstonesNeededFrom = offset;
  }

  /** Archives every full journal segment and compacts what is older than the compaction lag. */
  compact(): Promise<CompactionStats> {
    return this.#inTurn(async () => {
      await this.#archiveClosedSegments();
      return this.#clean();
    });
  }

  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    this.#followers.stopAll();
    await this.#maintenance;
    try {
      await this.#journal.close();
    } finally {
      await this.#archive.close();
    }
  }

  /** Called by the journal, in order, before the appends that wait for it resolve. */
  onDurable(end: RecordPosition): void {
    const waiting = this.#staged.findIndex((staged) => comparePositions(staged, end) >= 0);
    const durable = this.#staged.splice(0, waiting < 0 ? this.#staged.length : waiting);
    const last = durable.at(-1);
    if (last === undefined) return;
    this.#durableEnd = (last.entry.offset + 1) as Offset;
    this.#followers.deliver(durable.map(({ entry }) => entry));
    if (end.segment !== this.#journalSegment) {
      this.#journalSegment = end.segment;
      this.#maintain();
    }
  }

  #stage(record: LogRecord): LogPosition {
    const { partitionKey, key, value, event, timestampMs } = record;
    const offset = this.#nextOffset;
    if (isFullByAge(this.#tail.newestSegmentSinceMs, this.#options)) this.#journal.endSegment();
    const entry: LogEntry = { partition: PARTITION, offset, partitionKey, key, value, event, timestampMs };
    const position = this.#journal.append(ENTRY_TYPE, {
      byteLengthMax: entryBytesMax(entry, partitionKey),
      encode: (target, at) => encodeEntry(target, at, entry, partitionKey),
    });
    this.#nextOffset = (offset + 1) as Offset;
    this.#staged.push({ segment: position.segment, offset: position.offset, entry });
    this.#tail.add(offset, position, timestampMs);
    return { partition: PARTITION, offset };
  }

  async #readTail(from: Offset, recordsMax: number): Promise<readonly LogEntry[]> {
    const entries: LogEntry[] = [];
    let next = from;
    let bytes = 0;
    while (entries.length < recordsMax && bytes < READ_BYTES && next >= this.#archive.end) {
      const record = this.#tail.find(next);
      if (record === undefined || record.logOffset >= this.#durableEnd) break;
      const { segment, offset } = record;
      const body = this.#journal.peek(segment, offset) ?? (await this.#load(record));
      if (body === undefined) break;
      entries.push(decodeEntry(body, 0));
      bytes += body.length;
      next = (record.logOffset + 1) as Offset;
    }
    if (entries.length === 0 && next < this.#archive.end) return this.read(PARTITION, next, recordsMax);
    return entries;
  }

  /** undefined: the record has moved to the archive meanwhile. */
  async #load({
    segment,
    offset,
    logOffset,
  }: RecordPosition & { logOffset: Offset }): Promise<Buffer | undefined> {
    try {
      return await this.#journal.load(segment, offset);
    } catch (error) {
      if (logOffset < this.#archive.end) return undefined;
      throw error;
    }
  }

  /** In the background: nobody waits, failures are reported. */
  #maintain(): void {
    void this.#inTurn(async () => {
      const closed = this.#closedSegments();
      if (this.#options.retention !== undefined) {
        await this.#archiveClosedSegments();
        await enforceRetention(this.#archive, this.#options, this.#tail.start !== undefined);
        return;
      }
      if (closed.reduce((sum, { bytes }) => sum + bytes, 0) >= this.#segmentBytes) {
        await this.#archiveClosedSegments();
      }
      if (this.#isCompactionDue()) await this.#clean();
    }).catch((error: unknown) => this.#options.observe?.({ type: 'maintenanceFailed', error }));
  }

  #closedSegments(): { readonly number: number; readonly bytes: number }[] {
    return this.#journal.segments().slice(0, -1);
  }

  async #archiveClosedSegments(): Promise<void> {
    const closed = this.#closedSegments();
    if (closed.length === 0 || this.#closing) return;
    await this.#journal.durable();
    const writer = await this.#archive.createSegment();
    const firstOffset =
      this.#archive.start === undefined ? (this.#tail.start ?? (0 as Offset)) : this.#archive.end;
    let endOffset = firstOffset;
    try {
      for (const { number } of closed) {
        await this.#journal.scan(number, ({ body }) => {
          const offset = entryOffset(body, 0);
          if (offset < endOffset) return;
          writer.add(body, 0, body.length);
          endOffset = (offset + 1) as Offset;
        });
        await writer.flush();
      }
      if (endOffset > firstOffset) {
        this.#archive.add(await writer.finish({ firstOffset, endOffset, clean: false, maxTimestampMs: 0 }));
      } else {
        await writer.abandon();
      }
    } catch (error) {
      await writer.abandon().catch(() => undefined); // the first error says more
      throw error;
    }
    this.#tail.forget(new Set(closed.map(({ number }) => number)));
    for (const { number } of closed) await this.#journal.removeSegment(number);
  }

  #olderThanMs(): number {
    if (this.#options.retention !== undefined) return -Infinity; // A key that comes again supersedes nothing.
    return this.#options.nowMs() - (this.#options.compactionLagMs ?? DEFAULT_COMPACTION_LAG_MS);
  }

  #isCompactionDue(): boolean {
    let cleanBytes = 0;
    let dirtyBytes = 0;
    for (const { meta, file } of compactableSegments(this.#archive, this.#olderThanMs())) {
      if (meta.clean) cleanBytes += file.bytes;
      else dirtyBytes += file.bytes;
    }
    return dirtyBytes >= Math.max(this.#segmentBytes, DIRTY_SHARE * cleanBytes);
  }

  async #clean(): Promise<CompactionStats> {
    const cleaner = new LogCleaner({
      archive: this.#archive,
      olderThanMs: this.#olderThanMs(),
      tombstonesKeptFrom: () =>
        Math.min(this.#tombstonesNeededFrom(), this.#followers.tombstonesNeededFrom()) as Offset,
      fileBytesMax: this.#segmentBytes,
      isStopping: () => this.#closing,
    });
    const stats = await cleaner.run();
    if (stats.passes > 0) this.#options.observe?.({ type: 'compacted', stats });
    return stats;
  }

  #inTurn<T>(step: () => Promise<T>): Promise<T> {
    const turn = this.#maintenance.then(step);
    this.#maintenance = turn.catch(() => undefined); // its caller is told
    return turn;
  }
}
