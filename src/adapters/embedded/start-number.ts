/** The start number of a broker: with its name, the incarnation that owns sessions. Never the same twice. */
import path from 'node:path';
import { readWholeFile, replaceFile } from './durable-file.ts';
import { readSafeInteger, writeSafeInteger } from './entry-codec.ts';
import type { FileSystem } from './file-system.ts';

const FILE_NAME = 'start-number';
const FILE_BYTES = 8;

export interface StartNumberOptions {
  /** Must exist. */
  readonly directory: string;
  readonly fileSystem: FileSystem;
  /** Milliseconds since 1970: where to go on if the file is damaged. */
  readonly nowMs: number;
  readonly onDamage?: (path: string) => void;
}

/** Counts this start, durably; 1 is the first. Rejects with the file system's errors. */
export async function nextStartNumber(options: StartNumberOptions): Promise<number> {
  const { directory, fileSystem } = options;
  const number = await numberAfter(options);
  const content = Buffer.alloc(FILE_BYTES);
  writeSafeInteger(content, 0, number);
  await replaceFile(fileSystem, directory, FILE_NAME, content);
  return number;
}

async function numberAfter({ directory, fileSystem, nowMs, onDamage }: StartNumberOptions): Promise<number> {
  const filePath = path.join(directory, FILE_NAME);
  const content = await readWholeFile(fileSystem, filePath);
  if (content === undefined) return 1;
  if (content !== 'damaged' && content.length === FILE_BYTES) return readSafeInteger(content, 0) + 1;
  onDamage?.(filePath);
  // Nobody starts a broker more than a thousand times a second, so this is above every number given before.
  return nowMs;
}
