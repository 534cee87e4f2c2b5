/**
 * The few file operations the embedded store is built from, and Node's files behind them. The store depends on
 * what this interface promises and no more, so that a test can put a disk that loses power in its place.
 */
import fs from 'node:fs';
import { promisify } from 'node:util';

/** `create`: a new file, fails with EEXIST if there is one. `update`: an existing file, read and write. */
export type OpenMode = 'create' | 'update' | 'read';

export interface OpenFile {
  /** Writes all chunks one behind the other from `position` on. Not durable before `datasync`. */
  write(chunks: readonly Buffer[], position: number): Promise<void>;
  /** Fills `target` from `position` on; resolves with the bytes read, fewer only at the end of the file. */
  read(target: Buffer, position: number): Promise<number>;
  /** As `read` and `write`, without leaving the turn: for scratch files that live in the page cache. */
  readSync(target: Buffer, position: number): number;
  writeSync(chunk: Buffer, position: number): void;
  /** Resolves when all that was written, and the size, would survive a loss of power. */
  datasync(): Promise<void>;
  truncate(bytes: number): Promise<void>;
  size(): Promise<number>;
  close(): Promise<void>;
}

/** Errors are Node's: `code` is ENOENT, EEXIST, ENOSPC, EIO … */
export interface FileSystem {
  open(path: string, mode: OpenMode): Promise<OpenFile>;
  /** Replaces `to` if it exists. Like `open(…, 'create')` and `remove`, lasting only after `syncDirectory`. */
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Names in a directory, without order. */
  list(directory: string): Promise<string[]>;
  /** With its parents; nothing happens if it is there. */
  makeDirectory(directory: string): Promise<void>;
  syncDirectory(directory: string): Promise<void>;
}

const openFd = promisify(fs.open);
const writev = promisify(fs.writev);
const fdatasync = promisify(fs.fdatasync);
const fsync = promisify(fs.fsync);
const ftruncate = promisify(fs.ftruncate);
const fstat = promisify(fs.fstat);
const closeFd = promisify(fs.close);

const FLAGS: Readonly<Record<OpenMode, string>> = { create: 'wx+', update: 'r+', read: 'r' };

export const nodeFileSystem: FileSystem = {
  async open(path, mode) {
    return new NodeFile(await openFd(path, FLAGS[mode], 0o640));
  },
  rename: (from, to) => fs.promises.rename(from, to),
  remove: (path) => fs.promises.unlink(path),
  list: (directory) => fs.promises.readdir(directory),
  async makeDirectory(directory) {
    await fs.promises.mkdir(directory, { recursive: true, mode: 0o750 });
  },
  async syncDirectory(directory) {
    const fd = await openFd(directory, 'r');
    try {
      await fsync(fd);
    } finally {
      await closeFd(fd);
    }
  },
};

class NodeFile implements OpenFile {
  readonly #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  async write(chunks: readonly Buffer[], position: number): Promise<void> {
    let rest = chunks;
    let at = position;
    while (rest.length > 0) {
      const { bytesWritten } = await writev(this.#fd, rest, at);
      if (bytesWritten === 0) throw new Error('the file system took no bytes and gave no error');
      at += bytesWritten;
      rest = withoutPrefix(rest, bytesWritten);
    }
  }

  read(target: Buffer, position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      fs.read(this.#fd, target, 0, target.length, position, (error, bytes) => {
        if (error !== null) reject(error);
        else if (bytes === 0 || bytes === target.length) resolve(bytes);
        else
          this.read(target.subarray(bytes), position + bytes).then((more) => resolve(bytes + more), reject);
      });
    });
  }

  readSync(target: Buffer, position: number): number {
    let filled = 0;
    while (filled < target.length) {
      const bytes = fs.readSync(this.#fd, target, filled, target.length - filled, position + filled);
      if (bytes === 0) break;
      filled += bytes;
    }
    return filled;
  }

  writeSync(chunk: Buffer, position: number): void {
    let written = 0;
    while (written < chunk.length) {
      written += fs.writeSync(this.#fd, chunk, written, chunk.length - written, position + written);
    }
  }

  datasync(): Promise<void> {
    return fdatasync(this.#fd);
  }

  truncate(bytes: number): Promise<void> {
    return ftruncate(this.#fd, bytes);
  }

  async size(): Promise<number> {
    return (await fstat(this.#fd)).size;
  }

  close(): Promise<void> {
    return closeFd(this.#fd);
  }
}

/** What is left of `chunks` behind their first `bytes`: a write may take less than it was given. */
function withoutPrefix(chunks: readonly Buffer[], bytes: number): Buffer[] {
  const rest: Buffer[] = [];
  let skip = bytes;
  for (const chunk of chunks) {
    if (skip < chunk.length) rest.push(skip === 0 ? chunk : chunk.subarray(skip));
    skip = Math.max(0, skip - chunk.length);
  }
  return rest;
}
