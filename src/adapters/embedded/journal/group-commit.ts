/**
 * Makes groups durable, one write and one sync at a time; what is staged meanwhile forms the next group.
 *
 * A group that could not be written or synced is kept. Its waiters are rejected, and nothing of it counts as
 * durable, until the same bytes have been written again, from memory, and that write was synced: a sync that
 * is merely repeated proves nothing, because the kernel drops dirty pages it could not write.
 */
import { StoreUnavailableError } from '../../../errors/store-unavailable-error.ts';
import type { FileSystem } from '../file-system.ts';
import type { RecordPosition } from './journal-position.ts';
import type { JournalEvent } from './recovery.ts';
import { StagedGroup } from './staged-group.ts';
import type { GroupWrite } from './staged-group.ts';

/** Pause before a failed group is written again. */
const RETRY_MS = 1000;

export interface GroupCommitOptions {
  readonly fileSystem: FileSystem;
  readonly directory: string;
  /** `os`: a group counts as durable once the operating system has it; survives `kill -9`, not a loss of power. */
  readonly durability: 'fsync' | 'os';
  readonly observe: (event: JournalEvent) => void;
  /** All bytes before `end` are durable; called in order, before the waiters are told. */
  readonly onDurable: (end: RecordPosition) => void;
}

export class GroupCommit {
  readonly #options: GroupCommitOptions;
  #open = new StagedGroup();
  /** Being written or to be written again, oldest first. */
  readonly #closed: StagedGroup[] = [];
  #closedBytes = 0;
  #running: Promise<void> | undefined;
  #failure: StoreUnavailableError | undefined;
  #retry: NodeJS.Timeout | undefined;
  #closing = false;
  #syncs = 0;

  constructor(options: GroupCommitOptions) {
    this.#options = options;
  }

  get syncs(): number {
    return this.#syncs;
  }

  /** Bytes that are staged or being written. */
  get unsyncedBytes(): number {
    return this.#closedBytes + this.#open.bytes;
  }

  /** Why nothing can be appended now. */
  get failure(): StoreUnavailableError | undefined {
    return this.#failure;
  }

  /** The group that takes what is appended now. */
  get group(): StagedGroup {
    return this.#open;
  }

  /** Resolves when everything staged so far is durable. */
  durable(): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const group = this.#open.bytes > 0 ? this.#open : this.#closed.at(-1);
    return group?.promise ?? Promise.resolve();
  }

  /** Begins to write at the end of this turn, so that all who append in it share the sync. */
  start(): void {
    if (this.#failure === undefined) this.#running ??= this.#run();
  }

  /** Writes what is staged; a disk that failed gets one more chance. */
  async close(): Promise<void> {
    this.#closing = true;
    clearTimeout(this.#retry);
    await this.#running;
    if (this.unsyncedBytes > 0) await this.#run();
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #run(): Promise<void> {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    let segmentPath = this.#options.directory;
    try {
      for (let group = this.#nextGroup(); group !== undefined; group = this.#nextGroup()) {
        for (const write of group.writes()) {
          segmentPath = write.segment.path;
          await this.#write(write);
        }
        this.#confirm(group);
      }
      this.#recovered();
    } catch (error) {
      this.#fail(segmentPath, error);
    } finally {
      this.#running = undefined;
    }
  }

  #nextGroup(): StagedGroup | undefined {
    if (this.#closed.length === 0 && this.#open.bytes > 0) this.#closeGroup();
    return this.#closed[0];
  }

  #closeGroup(): void {
    this.#closedBytes += this.#open.bytes;
    this.#closed.push(this.#open);
    this.#open = new StagedGroup();
  }

  async #write({ segment, position, chunks }: GroupWrite): Promise<void> {
    const file = await segment.open();
    await file.write(chunks, position);
    if (this.#options.durability === 'os') return;
    await file.datasync();
    this.#syncs++;
    if (segment.entrySynced) return;
    await this.#options.fileSystem.syncDirectory(this.#options.directory);
    segment.entrySynced = true;
  }

  #confirm(group: StagedGroup): void {
    this.#closed.shift();
    this.#closedBytes -= group.bytes;
    const end = group.end();
    if (end !== undefined) this.#options.onDurable(end);
    group.resolve();
  }

  #fail(path: string, error: unknown): void {
    if (this.#open.bytes > 0) this.#closeGroup();
    if (this.#failure === undefined) this.#options.observe({ type: 'writeFailed', path, error });
    this.#failure = new StoreUnavailableError(
      `the journal in ${this.#options.directory}`,
      `${path} could not be written (${error instanceof Error ? error.message : String(error)}); ` +
        'free space on its file system or replace the disk, writing is tried again by itself',
      { cause: error },
    );
    for (const group of this.#closed) group.reject(this.#failure);
    if (this.#closing) return;
    this.#retry = setTimeout(() => {
      this.#running = this.#run();
    }, RETRY_MS);
  }

  #recovered(): void {
    if (this.#failure === undefined) return;
    this.#failure = undefined;
    this.#options.observe({ type: 'writeRecovered' });
  }
}
