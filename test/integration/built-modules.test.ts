/**
 * Every module as it was built, loaded by Node itself: the test runner is kinder than Node to what CommonJS packages export.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';

const BUILT = fileURLToPath(new URL('../../dist', import.meta.url));
/** They run a command when they are loaded. */
const PROGRAMS = ['src/main.js', 'compaction-job/main.js'];

it.each(['src', 'compaction-job'])('node loads every module of %s', async (folder) => {
  const files = (await readdir(join(BUILT, folder), { recursive: true }))
    .filter((file) => file.endsWith('.js') && !PROGRAMS.includes(`${folder}/${file}`))
    .map((file) => pathToFileURL(join(BUILT, folder, file)).href);
  expect(files.length).toBeGreaterThan(10);
  const script = `for (const file of ${JSON.stringify(files)}) await import(file);`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number];
  expect(errors).toBe('');
  expect(code).toBe(0);
});
