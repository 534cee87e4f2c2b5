/**
 * Replaces small files that hold secrets: readers see the old content or the new, never half, and only the owner
 * reads it at all. Two writers at a time are refused, not merged.
 */
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Owner reads and writes. */
export const PRIVATE_MODE = 0o600;
/** Of directories: the group may look, others may not. */
export const DIRECTORY_MODE = 0o750;

/** The file is being written by somebody else, or was when that process died. */
export class FileBusyError extends Error {
  override readonly name = 'FileBusyError';
  readonly code = 'FILE_BUSY';

  constructor(lockFile: string, options?: ErrorOptions) {
    super(`${lockFile} exists: another edit is going on; if none is, remove that file`, options);
  }
}

/**
 * Writes what `edit` returns; `edit` runs while no other edit can. Durable when resolved. The lock is the new
 * file itself, `{file}.new`. Rejects with `FileBusyError`, or with what `edit` threw, the file unchanged.
 */
export async function replaceFile(file: string, edit: () => Promise<string>): Promise<void> {
  const lockFile = `${file}.new`;
  const handle = await open(lockFile, 'wx', PRIVATE_MODE).catch((cause: unknown) => {
    throw isErrno(cause, 'EEXIST') ? new FileBusyError(lockFile, { cause }) : cause;
  });
  try {
    try {
      await handle.writeFile(await edit());
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(lockFile, file);
  } catch (error) {
    await rm(lockFile, { force: true });
    throw error;
  }
  await syncDirectory(dirname(file));
}

/** A rename is durable only once its directory is. */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
