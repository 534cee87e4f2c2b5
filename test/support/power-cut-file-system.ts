/**
 * A file system in memory that loses power. What was synced survives; of the rest each piece is there, absent,
 * zeroed or torn, as a seed decides. Directory entries (creates, renames, removes) last only once their directory
 * was synced, and a journalling file system loses them from the end.
 *
 * Directories themselves are durable at once: the store makes them before it promises anything.
 */
import path from 'node:path';
import type { FileSystem, OpenFile, OpenMode } from '../../src/adapters/embedded/file-system.ts';

const SECTOR_BYTES = 512;

interface PendingWrite {
  readonly position: number;
  readonly bytes: Buffer;
}
interface PendingTruncate {
  readonly truncatedTo: number;
}
type Pending = PendingWrite | PendingTruncate;

/** A file's content now and as it was synced last, with what happened in between. */
class Inode {
  now: Buffer = Buffer.alloc(0);
  synced: Buffer = Buffer.alloc(0);
  pending: Pending[] = [];

  apply(change: Pending): void {
    this.now = applied(this.now, change);
    this.pending.push(change);
  }

  /** Makes the first `count` pending changes durable. */
  sync(count: number): void {
    for (const change of this.pending.splice(0, count)) this.synced = applied(this.synced, change);
  }
}

interface EntryChange {
  readonly directory: string;
  readonly set?: readonly [path: string, inode: Inode];
  readonly removed?: string;
}

export type FailingOperation = 'write' | 'datasync' | 'create' | 'syncDirectory';

export class PowerCutFileSystem implements FileSystem {
  readonly #random: () => number;
  readonly #entries: Map<string, Inode>;
  readonly #syncedEntries: Map<string, Inode>;
  #entryChanges: EntryChange[] = [];
  #frozen = false;
  readonly #failing = new Map<FailingOperation, string>();
  /** Completed `datasync` calls: what tests that cut "after the n-th sync" count. */
  syncs = 0;

  constructor(random: () => number, contents: ReadonlyMap<string, Buffer> = new Map()) {
    this.#random = random;
    this.#entries = new Map();
    for (const [name, bytes] of contents) {
      const inode = new Inode();
      inode.now = Buffer.from(bytes);
      inode.synced = Buffer.from(bytes);
      this.#entries.set(name, inode);
    }
    this.#syncedEntries = new Map(this.#entries);
  }

  /** Power is gone: nothing pending here ever completes. The result is what the next boot finds. */
  cut(): PowerCutFileSystem {
    this.#frozen = true;
    const entries = new Map(this.#syncedEntries);
    const surviving = Math.floor(this.#random() * (this.#entryChanges.length + 1));
    for (const change of this.#entryChanges.slice(0, surviving)) applyEntryChange(entries, change);
    return this.#booted(entries, (inode) => this.#remains(inode));
  }

  /** The process is gone, the operating system is not: everything written is there. */
  kill(): PowerCutFileSystem {
    this.#frozen = true;
    return this.#booted(this.#entries, (inode) => inode.now);
  }

  /** Makes an operation fail with an error code (ENOSPC, EIO) until told otherwise. */
  fail(operation: FailingOperation, code: string | undefined): void {
    if (code === undefined) this.#failing.delete(operation);
    else this.#failing.set(operation, code);
  }

  /** Content of a file as the running process sees it; for tests that damage it. */
  contentOf(file: string): Buffer {
    return this.#inode(file).now;
  }

  /** Paths of all files. */
  files(): string[] {
    return [...this.#entries.keys()].sort();
  }

  async open(file: string, mode: OpenMode): Promise<OpenFile> {
    await this.#step(mode === 'create' ? 'create' : undefined);
    const name = path.resolve(file);
    if (mode === 'create') {
      if (this.#entries.has(name)) throw fileError('EEXIST', name);
      this.#change({ directory: path.dirname(name), set: [name, new Inode()] });
    }
    return this.#openFile(this.#inode(name));
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#step();
    const [source, target] = [path.resolve(from), path.resolve(to)];
    this.#change({ directory: path.dirname(target), removed: source, set: [target, this.#inode(source)] });
  }

  async remove(file: string): Promise<void> {
    await this.#step();
    const name = path.resolve(file);
    this.#inode(name);
    this.#change({ directory: path.dirname(name), removed: name });
  }

  async list(directory: string): Promise<string[]> {
    await this.#step();
    const wanted = path.resolve(directory);
    return this.files()
      .filter((name) => path.dirname(name) === wanted)
      .map((name) => path.basename(name));
  }

  makeDirectory(): Promise<void> {
    return this.#step();
  }

  async syncDirectory(directory: string): Promise<void> {
    const wanted = path.resolve(directory);
    const seen = this.#entryChanges.filter((change) => change.directory === wanted);
    await this.#step('syncDirectory');
    for (const change of seen) applyEntryChange(this.#syncedEntries, change);
    this.#entryChanges = this.#entryChanges.filter((change) => !seen.includes(change));
  }

  #openFile(inode: Inode): OpenFile {
    return {
      write: async (chunks, position) => {
        await this.#step('write');
        inode.apply({ position, bytes: Buffer.concat(chunks) });
      },
      read: async (target, position) => {
        await this.#step();
        return inode.now.copy(target, 0, Math.min(position, inode.now.length));
      },
      readSync: (target, position) => inode.now.copy(target, 0, Math.min(position, inode.now.length)),
      writeSync: (chunk, position) => {
        inode.apply({ position, bytes: Buffer.from(chunk) });
      },
      datasync: async () => {
        const seen = inode.pending.length;
        await this.#step('datasync');
        inode.sync(seen);
        this.syncs++;
      },
      truncate: async (bytes) => {
        await this.#step();
        inode.apply({ truncatedTo: bytes });
      },
      size: async () => {
        await this.#step();
        return inode.now.length;
      },
      close: () => this.#step(),
    };
  }

  /** Every operation takes a turn, so that a cut can fall between any two of them; none completes after it. */
  async #step(operation?: FailingOperation): Promise<void> {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    if (this.#frozen) await new Promise(() => undefined);
    const code = operation && this.#failing.get(operation);
    if (code !== undefined) throw fileError(code, operation ?? '');
  }

  #inode(file: string): Inode {
    const inode = this.#entries.get(path.resolve(file));
    if (inode === undefined) throw fileError('ENOENT', file);
    return inode;
  }

  #change(change: EntryChange): void {
    applyEntryChange(this.#entries, change);
    this.#entryChanges.push(change);
  }

  #booted(entries: ReadonlyMap<string, Inode>, content: (inode: Inode) => Buffer): PowerCutFileSystem {
    const contents = new Map<string, Buffer>();
    for (const [name, inode] of entries) contents.set(name, content(inode));
    return new PowerCutFileSystem(this.#random, contents);
  }

  /** Synced bytes, and of each later change what the disk happened to get done, sector by sector. */
  #remains(inode: Inode): Buffer {
    let bytes: Buffer = Buffer.from(inode.synced);
    const fate = this.#random();
    if (fate < 0.3) return bytes;
    for (const change of inode.pending) {
      if ('truncatedTo' in change) {
        if (this.#random() < 0.5) bytes = applied(bytes, change);
        continue;
      }
      for (let at = 0; at < change.bytes.length; at += SECTOR_BYTES) {
        const sector = change.bytes.subarray(at, at + SECTOR_BYTES);
        const position = change.position + at;
        const luck = fate > 0.9 ? 0 : this.#random();
        if (luck < 0.6) bytes = applied(bytes, { position, bytes: sector });
        else if (luck < 0.8) bytes = applied(bytes, { position, bytes: Buffer.alloc(sector.length) });
      }
    }
    return bytes;
  }
}

function applied(content: Buffer, change: Pending): Buffer {
  if ('truncatedTo' in change) {
    if (change.truncatedTo <= content.length) return Buffer.from(content.subarray(0, change.truncatedTo));
    return Buffer.concat([content, Buffer.alloc(change.truncatedTo - content.length)]);
  }
  const end = change.position + change.bytes.length;
  const grown =
    end <= content.length ? content : Buffer.concat([content, Buffer.alloc(end - content.length)]);
  change.bytes.copy(grown, change.position);
  return grown;
}

function applyEntryChange(entries: Map<string, Inode>, { removed, set }: EntryChange): void {
  if (removed !== undefined) entries.delete(removed);
  if (set !== undefined) entries.set(set[0], set[1]);
}

function fileError(code: string, subject: string): Error {
  return Object.assign(new Error(`${code}: ${subject}`), { code });
}
