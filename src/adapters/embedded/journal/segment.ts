/**
 * One segment file of a journal: its size, and reads that stay valid while the file is being removed.
 */
import path from 'node:path';
import type { FileSystem, OpenFile } from '../file-system.ts';
import { segmentFileName } from './record-framing.ts';

export class Segment {
  readonly number: number;
  readonly path: string;
  /** Bytes that belong to the journal, staged ones included; the file may be shorter until they are written. */
  bytes: number;
  /** Whether the file is there, and whether that would survive a loss of power. */
  #exists: boolean;
  entrySynced: boolean;
  readonly #fileSystem: FileSystem;
  #file: Promise<OpenFile> | undefined;
  #readers = 0;
  #onIdle: (() => void) | undefined;

  constructor(fileSystem: FileSystem, directory: string, number: number, bytes: number, exists: boolean) {
    this.#fileSystem = fileSystem;
    this.number = number;
    this.path = path.join(directory, segmentFileName(number));
    this.bytes = bytes;
    this.#exists = exists;
    this.entrySynced = exists;
  }

  /** The open file; created if this is a new segment. It stays open until `close`. */
  open(): Promise<OpenFile> {
    if (this.#file !== undefined) return this.#file;
    const opening = this.#exists ? this.#fileSystem.open(this.path, 'update') : this.#create();
    this.#file = opening;
    opening.catch(() => {
      this.#file = undefined;
    });
    return opening;
  }

  /** Bytes read; fewer than asked for only at the end of the file. */
  async read(target: Buffer, position: number): Promise<number> {
    this.#readers++;
    try {
      return await (await this.open()).read(target, position);
    } finally {
      this.#readers--;
      if (this.#readers === 0) this.#onIdle?.();
    }
  }

  /** Closes the file once no read is under way. */
  async close(): Promise<void> {
    if (this.#readers > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    const file = this.#file;
    this.#file = undefined;
    if (file !== undefined) await (await file).close();
  }

  async #create(): Promise<OpenFile> {
    try {
      const file = await this.#fileSystem.open(this.path, 'create');
      this.#exists = true;
      return file;
    } catch (error) {
      // Numbers are never reused, so a file that is there is what a failed attempt has left behind.
      if (!isErrorCode(error, 'EEXIST')) throw error;
      const file = await this.#fileSystem.open(this.path, 'update');
      await file.truncate(0);
      this.#exists = true;
      return file;
    }
  }
}

export function isErrorCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
