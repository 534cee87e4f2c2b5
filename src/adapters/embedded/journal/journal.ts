/**
 * A segmented, append-only log of checksummed records in one directory, with group commit. It knows neither
 * what its records mean nor which are still wanted: its owner replays them at the start and removes segments.
 *
 * `append` stages and returns at once; `durable()` is one promise for all who share the next sync. After an
 * error of the disk appends are refused until what was staged has been written and synced again; see
 * `group-commit.ts`. One journal per directory: the owner holds the directory's lock.
 */
import { StoreUnavailableError } from '../../../errors/store-unavailable-error.ts';
import type { FileSystem } from '../file-system.ts';
import { BLOCK_BYTES, BlockCache, blockKey } from './block-cache.ts';
import { GroupCommit } from './group-commit.ts';
import type { StagedGroup } from './staged-group.ts';
import { JOURNAL_START } from './journal-position.ts';
import type { RecordPosition } from './journal-position.ts';
import {
  encodeSegmentHeader,
  GROUP_MARK_TYPE,
  isIntact,
  recordBytesAt,
  RECORD_HEADER_BYTES,
  RECORD_TYPE_MAX,
  sealRecord,
  SEGMENT_HEADER_BYTES,
} from './record-framing.ts';
import { recoverSegments } from './recovery.ts';
import type { JournalEvent, Recovered } from './recovery.ts';
import { scanSegment } from './segment-scan.ts';
import type { ScannedRecord } from './segment-scan.ts';
import { Segment } from './segment.ts';

export const DEFAULT_SEGMENT_BYTES = 64 * 1024 * 1024;
export const DEFAULT_CACHE_BYTES = 32 * 1024 * 1024;
/** Hard bound on staged bytes; owners push back on their callers long before. */
export const UNSYNCED_BYTES_MAX = 256 * 1024 * 1024;

/** What `append` writes. `encode` writes at most `byteLengthMax` bytes at `at` and returns where it stopped. */
export interface RecordBody {
  readonly byteLengthMax: number;
  encode(target: Buffer, at: number): number;
}

/** A record body that exists already. */
export function bytesBody(bytes: Buffer): RecordBody {
  return { byteLengthMax: bytes.length, encode: (target, at) => at + bytes.copy(target, at) };
}

export interface JournalOptions {
  /** Must exist. */
  readonly directory: string;
  readonly fileSystem: FileSystem;
  readonly durability: 'fsync' | 'os';
  /** A segment is closed once it would grow beyond this; a record larger than that gets one of its own. */
  readonly segmentBytes?: number;
  /** Bounds the blocks kept in memory for reading. */
  readonly cacheBytes?: number;
  /** Replay begins here; what lies before is not read, and its owner knows that it was durable once. */
  readonly from?: RecordPosition;
  /** Every intact record from `from` on, in order; bodies are valid during the call only. */
  readonly replay?: (record: ScannedRecord) => void;
  readonly observe?: (event: JournalEvent) => void;
  /** Everything before `end` is durable. Called in order, before those who wait for it are told. */
  readonly onDurable?: (end: RecordPosition) => void;
}

export interface SegmentSize {
  readonly number: number;
  readonly bytes: number;
}

/** Opens the journal in a directory, replaying what it holds. Rejects with the file system's errors. */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  const from = options.from ?? JOURNAL_START;
  const recovered = await recoverSegments({
    fileSystem: options.fileSystem,
    directory: options.directory,
    from,
    visit: options.replay ?? (() => undefined),
    observe: options.observe ?? (() => undefined),
  });
  const journal = new Journal(options, recovered, from);
  await journal.resumeTail(recovered, from);
  return journal;
}

export class Journal {
  readonly #options: JournalOptions;
  readonly #segmentBytes: number;
  readonly #segments = new Map<number, Segment>();
  readonly #cache: BlockCache;
  readonly #commit: GroupCommit;
  readonly #loading = new Map<number, Promise<void>>();
  #tail: Segment;
  /** The block that holds the end of the tail. */
  #block: Buffer = Buffer.alloc(0);
  #markedGroup: StagedGroup | undefined;
  #appendedBytes = 0;
  #durableSegment: number;
  #durableOffset: number;
  readonly tornBytes: number;
  readonly damagedBytes: number;

  /** Use `openJournal`. */
  constructor(options: JournalOptions, recovered: Recovered, from: RecordPosition) {
    this.#options = options;
    this.#segmentBytes = options.segmentBytes ?? DEFAULT_SEGMENT_BYTES;
    this.#cache = new BlockCache(options.cacheBytes ?? DEFAULT_CACHE_BYTES);
    this.tornBytes = recovered.tornBytes;
    this.damagedBytes = recovered.damagedBytes;
    for (const segment of recovered.segments) this.#segments.set(segment.number, segment);
    this.#commit = new GroupCommit({
      fileSystem: options.fileSystem,
      directory: options.directory,
      durability: options.durability,
      observe: options.observe ?? (() => undefined),
      onDurable: (end) => {
        this.#onDurable(end);
      },
    });
    const last = Math.max(from.segment, recovered.segments.at(-1)?.number ?? 0);
    this.#tail = this.#newSegment(last + 1);
    this.#durableSegment = this.#tail.number;
    this.#durableOffset = 0;
  }

  /**
   * Goes on in the newest segment if it is whole and has room, so that restarts do not pile up files. Called once,
   * by `openJournal`, before the first append.
   */
  async resumeTail(recovered: Recovered, from: RecordPosition): Promise<void> {
    const last = recovered.segments.at(-1);
    if (last === undefined || recovered.damagedBytes > 0 || last.number < from.segment) return;
    if (last.bytes < SEGMENT_HEADER_BYTES || last.bytes >= this.#segmentBytes) return;
    if (last.number === from.segment && last.bytes < from.offset) return;
    this.#segments.delete(this.#tail.number);
    this.#tail = last;
    // The process before may have died between creating the file and syncing its name.
    last.entrySynced = false;
    this.#durableSegment = last.number;
    this.#durableOffset = last.bytes;
    const inBlock = last.bytes % BLOCK_BYTES;
    if (inBlock === 0) return;
    const blockNumber = (last.bytes - inBlock) / BLOCK_BYTES;
    this.#block = this.#cache.allocate();
    await last.read(this.#block.subarray(0, inBlock), blockNumber * BLOCK_BYTES);
    this.#cache.pin(blockKey(last.number, blockNumber), this.#block);
  }

  get unsyncedBytes(): number {
    return this.#commit.unsyncedBytes;
  }

  /** Since the journal was opened. */
  get appendedBytes(): number {
    return this.#appendedBytes;
  }

  get syncs(): number {
    return this.#commit.syncs;
  }

  get cacheBytes(): number {
    return this.#cache.bytes;
  }

  /** Where the next record will begin, or a little later. */
  get end(): RecordPosition {
    return { segment: this.#tail.number, offset: this.#tail.bytes };
  }

  /** Whether a record that begins here would survive a crash. */
  isDurable(segment: number, offset: number): boolean {
    return (
      segment < this.#durableSegment || (segment === this.#durableSegment && offset < this.#durableOffset)
    );
  }

  /**
   * Stages a record, `type` 1 to RECORD_TYPE_MAX, behind all earlier ones. Throws `StoreUnavailableError`, and
   * stages nothing, while the disk fails or too much is waiting for it.
   */
  append(type: number, body: RecordBody): RecordPosition {
    if (type < 1 || type > RECORD_TYPE_MAX) throw new RangeError(`${type} is not a record type of an owner`);
    const bytesMax = RECORD_HEADER_BYTES + body.byteLengthMax;
    this.assertRoomFor(bytesMax);
    this.#commit.start();
    if (this.#tail.bytes + bytesMax > this.#segmentBytes && this.#tail.bytes > SEGMENT_HEADER_BYTES) {
      this.#tail = this.#newSegment(this.#tail.number + 1);
    }
    if (this.#tail.bytes === 0) this.#stageHeader();
    if (this.#markedGroup !== this.#commit.group) this.#stageMark();
    const position = { segment: this.#tail.number, offset: this.#tail.bytes };
    this.#stage(type, body, bytesMax);
    return position;
  }

  /** What is appended next begins a new segment. */
  endSegment(): void {
    if (this.#tail.bytes > 0) this.#tail = this.#newSegment(this.#tail.number + 1);
  }

  /** Throws `StoreUnavailableError` if appends of `bytes` bytes, this turn, would be refused. */
  assertRoomFor(bytes: number): void {
    if (this.#commit.failure !== undefined) throw this.#commit.failure;
    if (this.unsyncedBytes + bytes <= UNSYNCED_BYTES_MAX) return;
    throw new StoreUnavailableError(
      `the journal in ${this.#options.directory}`,
      `${this.unsyncedBytes} bytes wait for the disk; append again when fewer do`,
    );
  }

  /** Resolves when everything appended so far is durable; rejects with `StoreUnavailableError`. */
  durable(): Promise<void> {
    return this.#commit.durable();
  }

  /** Body of a record, as a view that is valid in this turn only; undefined: it has to be loaded. */
  peek(segment: number, offset: number): Buffer | undefined {
    const inBlock = offset % BLOCK_BYTES;
    const block = this.#cache.get(blockKey(segment, (offset - inBlock) / BLOCK_BYTES));
    if (block === undefined) return undefined;
    const recordBytes = recordBytesAt(block, inBlock);
    if (recordBytes === undefined || inBlock + recordBytes > block.length) return undefined;
    if (!isIntact(block, inBlock, recordBytes, segment)) return undefined;
    return block.subarray(inBlock + RECORD_HEADER_BYTES, inBlock + recordBytes);
  }

  /** Body of a record, from memory or disk. Rejects with `RecordDamagedError` and the file system's errors. */
  async load(segment: number, offset: number): Promise<Buffer> {
    const header = await this.#bytesAt(segment, offset, RECORD_HEADER_BYTES);
    const recordBytes = recordBytesAt(header, 0);
    const left = (this.#segments.get(segment)?.bytes ?? 0) - offset;
    if (recordBytes === undefined || recordBytes > left) throw new RecordDamagedError(segment, offset);
    const record = await this.#bytesAt(segment, offset, recordBytes);
    if (!isIntact(record, 0, recordBytes, segment)) throw new RecordDamagedError(segment, offset);
    return record.subarray(RECORD_HEADER_BYTES);
  }

  /** Begins to load the block in which a record begins, if it is not in memory. */
  prefetch(segment: number, offset: number): void {
    const block = Math.floor(offset / BLOCK_BYTES);
    if (this.#cache.get(blockKey(segment, block)) === undefined) {
      this.#loadBlock(segment, block).catch(() => undefined); // whoever needs it will load it again, and see
    }
  }

  /** Visits the records of one closed segment. Rejects if it is the one being written. */
  async scan(segment: number, visit: (record: ScannedRecord) => void): Promise<void> {
    const found = this.#segments.get(segment);
    if (found === undefined || found === this.#tail)
      throw new Error(`segment ${segment} is not a closed segment`);
    await scanSegment(found, SEGMENT_HEADER_BYTES, visit);
  }

  /** Oldest first; the last one is being written. */
  segments(): SegmentSize[] {
    return [...this.#segments.values()].map(({ number, bytes }) => ({ number, bytes }));
  }

  /** Removes a closed segment for good. Its records must not be wanted by any replay to come. */
  async removeSegment(number: number): Promise<void> {
    const segment = this.#segments.get(number);
    if (segment === undefined || segment === this.#tail) return;
    if (!this.isDurable(number, segment.bytes - 1)) await this.durable();
    this.#segments.delete(number);
    this.#cache.forget(number, segment.bytes);
    await segment.close();
    await this.#options.fileSystem.remove(segment.path);
  }

  /** Makes durable what was appended and closes the files, in this order, the files in any case. */
  async close(): Promise<void> {
    try {
      await this.#commit.close();
    } finally {
      for (const segment of this.#segments.values()) await segment.close();
    }
  }

  #newSegment(number: number): Segment {
    const segment = new Segment(this.#options.fileSystem, this.#options.directory, number, 0, false);
    this.#segments.set(number, segment);
    return segment;
  }

  #stageHeader(): void {
    this.#beginBlock();
    encodeSegmentHeader(this.#block, this.#tail.number);
    this.#advance(SEGMENT_HEADER_BYTES);
  }

  #stageMark(): void {
    this.#markedGroup = this.#commit.group;
    this.#stage(GROUP_MARK_TYPE, NOTHING, RECORD_HEADER_BYTES);
  }

  #stage(type: number, body: RecordBody, bytesMax: number): void {
    if (this.#tail.bytes % BLOCK_BYTES === 0) this.#beginBlock();
    const start = this.#tail.bytes % BLOCK_BYTES;
    if (start + bytesMax <= BLOCK_BYTES) {
      const end = body.encode(this.#block, start + RECORD_HEADER_BYTES);
      sealRecord(this.#block, start, end, type, this.#tail.number);
      this.#advance(end - start);
      return;
    }
    const record = Buffer.allocUnsafe(bytesMax);
    const end = body.encode(record, RECORD_HEADER_BYTES);
    sealRecord(record, 0, end, type, this.#tail.number);
    for (let copied = 0; copied < end;) {
      if (this.#tail.bytes % BLOCK_BYTES === 0) this.#beginBlock();
      const bytes = record.copy(this.#block, this.#tail.bytes % BLOCK_BYTES, copied, end);
      this.#advance(bytes);
      copied += bytes;
    }
  }

  #beginBlock(): void {
    this.#block = this.#cache.allocate();
    this.#cache.pin(blockKey(this.#tail.number, this.#tail.bytes / BLOCK_BYTES), this.#block);
  }

  /** `bytes` more of the current block belong to the journal. */
  #advance(bytes: number): void {
    const position = this.#tail.bytes;
    const from = position % BLOCK_BYTES;
    this.#commit.group.add(this.#tail, position, this.#block, from, from + bytes);
    this.#tail.bytes += bytes;
    this.#appendedBytes += bytes;
  }

  #onDurable(end: RecordPosition): void {
    this.#durableSegment = end.segment;
    this.#durableOffset = end.offset;
    this.#cache.unpinBefore(blockKey(end.segment, Math.floor(end.offset / BLOCK_BYTES)));
    this.#options.onDurable?.(end);
  }

  /** Bytes of a segment, copied together from its blocks. */
  async #bytesAt(segment: number, offset: number, bytes: number): Promise<Buffer> {
    const target = Buffer.allocUnsafe(bytes);
    for (let filled = 0; filled < bytes;) {
      const block = Math.floor((offset + filled) / BLOCK_BYTES);
      const content = this.#cache.get(blockKey(segment, block));
      if (content === undefined) await this.#loadBlock(segment, block);
      else filled += content.copy(target, filled, (offset + filled) % BLOCK_BYTES);
    }
    return target;
  }

  /** The block is in the cache when this resolves. */
  #loadBlock(segment: number, block: number): Promise<void> {
    const key = blockKey(segment, block);
    let loading = this.#loading.get(key);
    if (loading === undefined) {
      loading = this.#readBlock(segment, block).finally(() => this.#loading.delete(key));
      this.#loading.set(key, loading);
    }
    return loading;
  }

  async #readBlock(segment: number, block: number): Promise<void> {
    const file = this.#segments.get(segment);
    if (file === undefined) throw new RecordDamagedError(segment, block * BLOCK_BYTES);
    const target = this.#cache.allocate();
    try {
      const bytes = await file.read(target, block * BLOCK_BYTES);
      if (!this.#segments.has(segment)) throw new RecordDamagedError(segment, block * BLOCK_BYTES);
      target.fill(0, bytes);
    } catch (error) {
      this.#cache.recycle(target);
      throw error;
    }
    this.#cache.put(blockKey(segment, block), target);
  }
}

/** A record that was durable has changed on disk; what it held is lost. */
export class RecordDamagedError extends Error {
  override readonly name = 'RecordDamagedError';

  constructor(segment: number, offset: number) {
    super(
      `segment ${segment} is damaged or gone at byte ${offset}: restore it from a copy to get its messages back`,
    );
  }
}

const NOTHING: RecordBody = { byteLengthMax: 0, encode: (_target, at) => at };
