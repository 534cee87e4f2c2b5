/** Tells whether a file has changed without reading it. */
import { stat } from 'node:fs/promises';
import { isErrno } from './atomic-write.ts';

/** How often files that a running broker follows are looked at. */
export const CHECK_EVERY_MS = 2_000;

/**
 * Changes whenever the content or the right to read it does: an edit in place changes the times, a replacement the
 * inode. Links are followed. Rejects when the file cannot be looked at for another reason than that it is missing.
 */
export async function fileVersion(file: string): Promise<string> {
  try {
    const { mtimeNs, ctimeNs, size, ino } = await stat(file, { bigint: true });
    return [mtimeNs, ctimeNs, size, ino].join('/');
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return 'missing';
    throw error;
  }
}
