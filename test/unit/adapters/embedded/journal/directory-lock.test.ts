import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { nodeFileSystem } from '../../../../../src/adapters/embedded/file-system.ts';
import {
  DirectoryLockedError,
  lockDirectory,
} from '../../../../../src/adapters/embedded/journal/directory-lock.ts';

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'spoke-lock-'));
});
afterEach(() => rm(directory, { recursive: true }));

test('a directory has one holder at a time', async () => {
  const lock = await lockDirectory(nodeFileSystem, directory);
  await expect(lockDirectory(nodeFileSystem, directory)).rejects.toThrow(DirectoryLockedError);
  await lock.release();
  await (await lockDirectory(nodeFileSystem, directory)).release();
});

test('the lock of a living process is respected, and taken over once that process is dead', async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000); console.log("up")']);
  await once(child.stdout, 'data');
  const mine = await lockDirectory(nodeFileSystem, directory);
  const identity = await readFile(path.join(directory, 'lock'), 'latin1');
  await mine.release();
  const stat = await readFile(`/proc/${child.pid}/stat`, 'latin1').catch(() => undefined);
  const startTime = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  const parts = identity.split(' ');
  const theirs = stat === undefined ? `${child.pid} ` : `${child.pid} ${startTime} ${parts[2]}`;
  await writeFile(path.join(directory, 'lock'), theirs);
  await expect(lockDirectory(nodeFileSystem, directory)).rejects.toThrow(`process ${child.pid}`);
  child.kill('SIGKILL');
  await once(child, 'exit');
  await (await lockDirectory(nodeFileSystem, directory)).release();
});

test.each(['', '999999999 1 boot', `${process.pid} 1 another-boot`])(
  'a stale lock %j is taken over',
  async (left) => {
    await writeFile(path.join(directory, 'lock'), left);
    await (await lockDirectory(nodeFileSystem, directory)).release();
  },
);
