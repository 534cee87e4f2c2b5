/** The command that people use: `npm run engines -- hbase start|status|stop`. */
import { execFile } from 'node:child_process';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePorts } from '../../../engines/free-ports.ts';
import { callZooKeeper } from '../../../engines/hbase/server-probe.ts';

interface Outcome {
  readonly exitCode: number;
  readonly output: string;
  readonly errors: string;
}

/** Two starts, one of them over existing data, on a machine that has other things to do. */
const COMMAND_MS_MAX = 600_000;
const COMPILED = 'dist/engines/main.js';

let directory: string;
let port: number;
/** npm compiles the command and runs it; once it has, what it compiled is run. */
let isCompiled = false;

beforeAll(async () => {
  directory = await realpath(await mkdtemp(join(tmpdir(), 'spoke-engines-')));
  [port = 0] = await freePorts(1);
});

afterAll(async () => {
  await engines('stop');
  await rm(directory, { recursive: true, force: true });
}, COMMAND_MS_MAX);

async function engines(command: 'start' | 'stop' | 'status', ...more: string[]): Promise<Outcome> {
  const args = ['hbase', command, '--data-directory', directory, ...more];
  const [program, first] = isCompiled
    ? [process.execPath, [COMPILED]]
    : ['npm', ['run', '--silent', 'engines', '--']];
  isCompiled = true;
  return await new Promise((resolve) => {
    execFile(program, [...first, ...args], (error, output, errors) => {
      const exitCode = error === null ? 0 : Number(error.code);
      resolve({ exitCode, output, errors });
    });
  });
}

test(
  'start leaves it running, status tells of it, stop ends it, and the data are used again',
  { timeout: COMMAND_MS_MAX },
  async () => {
    expect((await engines('status')).output).toBe('hbase has never run here.\n');

    const started = await engines('start', '--zookeeper-port', `${port}`, '--heap-mb', '1024');
    expect(started).toMatchObject({ exitCode: 0 });
    expect(started.output).toContain(`hbase (standalone) runs at 127.0.0.1:${port}`);
    expect(started.errors).toContain('waiting until HBase answers');
    await callZooKeeper(port);

    expect((await engines('status')).output).toMatch(
      /HBase: process \d+, port \d+, since .*, log .*hbase\.log/,
    );
    const again = await engines('start', '--zookeeper-port', `${port}`);
    expect(again).toMatchObject({ exitCode: 1, output: '' });
    expect(again.errors).toContain('Stop it first');

    expect((await engines('stop')).output).toMatch(/^Stopped HBase \(process \d+\)\.\n$/);
    await expect(callZooKeeper(port)).rejects.toThrow('ECONNREFUSED');
    expect((await engines('status')).output).toContain('hbase (standalone) is stopped');
    expect((await engines('stop')).output).toBe('hbase was not running.\n');

    expect(await engines('start', '--zookeeper-port', `${port}`)).toMatchObject({ exitCode: 0 });
    await callZooKeeper(port);
  },
);

test('says that the port is taken, and what to do', { timeout: COMMAND_MS_MAX }, async () => {
  await engines('stop');
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  const outcome = await engines('start', '--zookeeper-port', `${port}`);
  server.close();
  expect(outcome).toMatchObject({ exitCode: 1, output: '' });
  expect(outcome.errors).toContain(`Port ${port} of 127.0.0.1 is in use. Name another one`);
});
