import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { Watchdog, watchdogCommand } from '../../../engines/watchdog.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

/** Waits until somebody ends it. */
function idleProcess() {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000)'], { stdio: 'ignore' });
  onTestFinished(() => void child.kill('SIGKILL'));
  return { pid: child.pid ?? 0, gone: once(child, 'exit') };
}

test('when its owner is killed it kills the servers and removes their data', async () => {
  const directory = join(await temporaryDirectory(), 'data');
  await mkdir(directory);
  await writeFile(join(directory, 'file'), 'x');
  const server = idleProcess();
  const forgotten = idleProcess();
  // The owner is a process of its own, so that it can die: it holds the pipe, as this process does for its watchdogs.
  const { command, args } = watchdogCommand(directory);
  const owner = spawn(
    process.execPath,
    [
      '-e',
      `const [command, args, pid, forgotten] = JSON.parse(process.argv[1]);
       const shell = require('node:child_process').spawn(command, args, { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
       shell.stdin.write(forgotten + ' ' + pid + '\\n' + pid + '\\n', () => console.log('told'));
       setInterval(() => undefined, 1000);`,
      JSON.stringify([command, args, server.pid, forgotten.pid]),
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  await once(owner.stdout, 'data');
  owner.kill('SIGKILL');
  await server.gone;
  await vi.waitFor(() => expect(existsSync(directory)).toBe(false), 20_000);
  expect(process.kill(forgotten.pid, 0)).toBe(true);
});

test('once dismissed it touches nothing', async () => {
  const directory = await temporaryDirectory();
  const server = idleProcess();
  const watchdog = new Watchdog(directory);
  watchdog.watch(server.pid);
  await watchdog.dismiss();
  expect(existsSync(directory)).toBe(true);
  expect(process.kill(server.pid, 0)).toBe(true);
});
