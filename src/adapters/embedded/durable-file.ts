/**
 * Small files that are replaced as a whole: after a crash there is the old content or the new one, never a
 * mixture. A checksum tells a file that rotted from one that is whole.
 */
import path from 'node:path';
import { crc32 } from 'node:zlib';
import type { FileSystem } from './file-system.ts';

// file := u32 crc of content, little endian | content
const CHECKSUM_BYTES = 4;
const TEMPORARY_SUFFIX = '.tmp';

/** Durable when resolved. One writer per name. */
export async function replaceFile(
  fileSystem: FileSystem,
  directory: string,
  name: string,
  content: Buffer,
): Promise<void> {
  const temporary = path.join(directory, name + TEMPORARY_SUFFIX);
  await removeIfThere(fileSystem, temporary);
  const checksum = Buffer.alloc(CHECKSUM_BYTES);
  checksum.writeUInt32LE(crc32(content));
  const file = await fileSystem.open(temporary, 'create');
  try {
    await file.write([checksum, content], 0);
    await file.datasync();
  } finally {
    await file.close();
  }
  await fileSystem.rename(temporary, path.join(directory, name));
  await fileSystem.syncDirectory(directory);
}

/** undefined: there is no such file. 'damaged': it is not what was written. */
export async function readWholeFile(
  fileSystem: FileSystem,
  filePath: string,
): Promise<Buffer | 'damaged' | undefined> {
  const bytes = await readIfThere(fileSystem, filePath);
  if (bytes === undefined) return undefined;
  const content = bytes.subarray(CHECKSUM_BYTES);
  return bytes.length >= CHECKSUM_BYTES && bytes.readUInt32LE(0) === crc32(content) ? content : 'damaged';
}

export async function removeIfThere(fileSystem: FileSystem, filePath: string): Promise<void> {
  try {
    await fileSystem.remove(filePath);
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

async function readIfThere(fileSystem: FileSystem, filePath: string): Promise<Buffer | undefined> {
  try {
    const file = await fileSystem.open(filePath, 'read');
    try {
      const bytes = Buffer.alloc(await file.size());
      return bytes.subarray(0, await file.read(bytes, 0));
    } finally {
      await file.close();
    }
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

function isNotFound(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
