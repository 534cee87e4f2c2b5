/** A directory for one test, gone when the test has finished. */
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

export async function temporaryDirectory(): Promise<string> {
  const directory = await realpath(await mkdtemp(join(tmpdir(), 'spoke-test-')));
  onTestFinished(async () => await rm(directory, { recursive: true, force: true }));
  return directory;
}
