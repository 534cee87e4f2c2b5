/**
 * Keeps two processes from writing one directory: a lock file that names the process holding it. A lock whose
 * process is gone is taken over, so that a crash never needs a hand to clear it.
 */
import fs from 'node:fs';
import path from 'node:path';
import type { FileSystem } from '../file-system.ts';
import { isErrorCode } from './segment.ts';

const LOCK_NAME = 'lock';
/** A lock that changes hands this often while we look at it is being fought over. */
const ATTEMPTS_MAX = 5;

export class DirectoryLockedError extends Error {
  override readonly name = 'DirectoryLockedError';

  constructor(directory: string, holder: string) {
    super(
      `${directory} is in use by process ${holder}: stop that process, or give this one a directory of its own`,
    );
  }
}

export interface DirectoryLock {
  release(): Promise<void>;
}

/** Directories this process holds: its own number in a lock file proves nothing after a restart in a container. */
const heldHere = new WeakMap<FileSystem, Set<string>>();

/** Rejects with `DirectoryLockedError` while another process, or another part of this one, holds it. */
export async function lockDirectory(fileSystem: FileSystem, directory: string): Promise<DirectoryLock> {
  const held = heldHere.get(fileSystem) ?? new Set();
  heldHere.set(fileSystem, held);
  const lockPath = path.resolve(directory, LOCK_NAME);
  if (held.has(lockPath)) throw new DirectoryLockedError(directory, `${process.pid} (this one)`);
  held.add(lockPath);
  try {
    await takeLock(fileSystem, directory, lockPath);
  } catch (error) {
    held.delete(lockPath);
    throw error;
  }
  return {
    async release() {
      await fileSystem.remove(lockPath);
      held.delete(lockPath);
    },
  };
}

async function takeLock(fileSystem: FileSystem, directory: string, lockPath: string): Promise<void> {
  const mine = processIdentity(process.pid) ?? `${process.pid} `;
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    try {
      const file = await fileSystem.open(lockPath, 'create');
      await file.write([Buffer.from(mine)], 0);
      await file.close();
      if ((await readLock(fileSystem, lockPath)) === mine) return;
    } catch (error) {
      if (!isErrorCode(error, 'EEXIST')) throw error;
      const holder = await readLock(fileSystem, lockPath);
      if (holder !== undefined && isAlive(holder, mine)) {
        throw new DirectoryLockedError(directory, holder.split(' ', 1)[0] ?? holder);
      }
      if (holder !== undefined) await removeStale(fileSystem, lockPath);
    }
  }
  throw new DirectoryLockedError(directory, 'unknown (several start at once)');
}

async function readLock(fileSystem: FileSystem, lockPath: string): Promise<string | undefined> {
  try {
    const file = await fileSystem.open(lockPath, 'read');
    const content = Buffer.alloc(await file.size());
    await file.read(content, 0);
    await file.close();
    return content.toString('latin1');
  } catch (error) {
    if (isErrorCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** Whoever loses a race here finds the winner's lock when it tries to create its own. */
async function removeStale(fileSystem: FileSystem, lockPath: string): Promise<void> {
  try {
    await fileSystem.remove(lockPath);
  } catch (error) {
    if (!isErrorCode(error, 'ENOENT')) throw error;
  }
}

/** This process's own identity in a lock it does not hold is left over from an earlier life. */
function isAlive(holder: string, mine: string): boolean {
  if (holder === mine) return false;
  const pid = Number.parseInt(holder, 10);
  return Number.isSafeInteger(pid) && pid > 0 && processIdentity(pid) === holder;
}

/**
 * `pid startTime bootId`: a process number alone is used again, after a boot above all. Without /proc the number
 * has to do. undefined: no such process.
 */
function processIdentity(pid: number): string | undefined {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'latin1');
    const startTime = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
    const bootId = fs.readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
    return `${pid} ${startTime} ${bootId}`;
  } catch {
    return signalReaches(pid) ? `${pid} ` : undefined;
  }
}

function signalReaches(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return isErrorCode(error, 'EPERM');
  }
}
