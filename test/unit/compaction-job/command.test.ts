import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { runCompactionJob } from '../../../compaction-job/command.ts';

async function run(
  args: readonly string[],
  settings = '',
): Promise<{ code: number; out: string; err: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'spoke-compaction-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const file = join(directory, 'spokemq.yaml');
  await writeFile(file, settings);
  const printed = { out: '', err: '' };
  const code = await runCompactionJob([...args, '--config', file], {
    stdout: { write: (text) => (printed.out += text) },
    stderr: { write: (text) => (printed.err += text) },
    environment: {},
    workingDirectory: directory,
  });
  return { code, ...printed };
}

test('help names the options and is no failure', async () => {
  const { code, out } = await run(['--help']);
  expect(code).toBe(0);
  for (const option of ['--verify', '--repair', '--dry-run', '--grace', '--json'])
    expect(out).toContain(option);
});

test.each([[['--prove']], [['--grace', 'long']], [['twice']]])('%j is no command line', async (args) => {
  const { code, err } = await run(args);
  expect(code).toBe(2);
  expect(err).toMatch(/^error: /);
});

test('a configuration without a cluster is not one for this job', async () => {
  const { code, err } = await run([]);
  expect(code).toBe(2);
  expect(err).toContain('eventLog.store');
  expect(err).toContain('nothing to do for this job');
});

test('problems of the configuration are told as everywhere', async () => {
  const { code, err } = await run([], 'eventLog: { store: paper }\n');
  expect(code).toBe(2);
  expect(err).toContain('spokemq.yaml:1');
});

test('a log that cannot be reached is a failure, and says so', async () => {
  const settings = [
    'eventLog: { store: kafka }',
    'queues: { store: hbase }',
    'kafka: { brokers: "127.0.0.1:1", connectTimeoutMs: 100, requestTimeoutMs: 100, operationTimeoutMs: 300 }',
  ].join('\n');
  const { code, out, err } = await run([], settings);
  expect(code).toBe(1);
  expect(out).toBe('');
  expect(err).toContain('Kafka');
});
