/**
 * What HBase says in its log about writing memory to files: exact sizes of what was in memory, and of files as its three
 * digits give them. Reads only what was added since it was last asked.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

export interface Flushes {
  /** Regions that were flushed, each time counted. */
  readonly count: number;
  /** Key and value bytes that left memory, and what they took on the heap. */
  readonly dataBytes: number;
  readonly heapBytes: number;
  /** Written to new files by flushes, not by compactions. */
  readonly fileBytes: number;
}

const FINISHED = /Finished flush of dataSize ~[^/]*\/(\d+), heapSize ~[^/]*\/(\d+)/;
const ADDED = /HStore: Added .*, filesize=([\d.]+) ?([BKMG])?/;
const UNITS: Readonly<Record<string, number>> = { B: 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };

export class FlushLog {
  readonly #path: string;
  #offset = 0;

  /** From what the log says after now. */
  constructor(path: string) {
    this.#path = path;
    this.since();
  }

  /** Flushes since the last call. */
  since(): Flushes {
    const lines = this.#newText().split('\n');
    const finished = lines.map((line) => FINISHED.exec(line)).filter((match) => match !== null);
    const added = lines.map((line) => ADDED.exec(line)).filter((match) => match !== null);
    return {
      count: finished.length,
      dataBytes: sum(finished, (match) => Number(match[1])),
      heapBytes: sum(finished, (match) => Number(match[2])),
      fileBytes: sum(added, (match) => Number(match[1]) * (UNITS[match[2] ?? 'B'] ?? 1)),
    };
  }

  #newText(): string {
    const file = openSync(this.#path, 'r');
    try {
      const text = Buffer.alloc(fstatSync(file).size - this.#offset);
      this.#offset += readSync(file, text, 0, text.length, this.#offset);
      return text.toString();
    } finally {
      closeSync(file);
    }
  }
}

function sum(matches: readonly RegExpExecArray[], value: (match: RegExpExecArray) => number): number {
  return matches.reduce((total, match) => total + value(match), 0);
}
