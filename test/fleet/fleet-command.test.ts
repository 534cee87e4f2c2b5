/** The command as a user runs it: the built program, its exit code, its report. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { packageFile } from '../../src/fleet/spawned-broker.ts';
import { FaithlessBroker } from './faithless-broker.ts';

const TIMEOUT_MS = 120_000;

interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function spoke(...args: readonly string[]): Promise<Outcome> {
  const main = packageFile('dist/src/main.js');
  if (main === undefined) throw new Error('dist/src/main.js is missing: run "npm run build" first');
  return await new Promise((resolve) => {
    execFile(process.execPath, [main, ...args], (error, stdout, stderr) => {
      const exitCode = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ exitCode, stdout, stderr });
    });
  });
}

async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'fleet-command-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  return directory;
}

describe('spoke fleet', () => {
  it('proves that nothing is lost while the broker is killed', { timeout: TIMEOUT_MS }, async () => {
    const file = join(await temporaryDirectory(), 'report.json');
    const { exitCode, stdout, stderr } = await spoke(
      'fleet',
      ...['--chaos', '--duration', '8s', '--kills', '4', '--seed', '1', '--bikes', '30', '--report', file],
    );
    expect(stdout + stderr).toContain('PASS');
    expect(exitCode).toBe(0);
    const report: unknown = JSON.parse(await readFile(file, 'utf8'));
    expect(report).toMatchObject({
      passed: true,
      seed: 1,
      bikes: 30,
      totals: { qos2: { lost: 0, duplicated: 0 } },
    });
    expect(report).toHaveProperty('kills.3.readyAfterMs');
  });

  it(
    'ends with exit code 1 and the lost messages when the broker lies',
    { timeout: TIMEOUT_MS },
    async () => {
      const broker = new FaithlessBroker((packet) => (packet.qos === 2 ? 0 : 1));
      onTestFinished(() => broker.close());
      const { exitCode, stdout } = await spoke(
        'fleet',
        ...['--broker', await broker.listen(), '--duration', '1s', '--bikes', '5', '--settle', '1s'],
      );
      expect(exitCode).toBe(1);
      expect(stdout).toMatch(/FAIL: .*acknowledged and never delivered/);
      expect(stdout).toMatch(/^LOST +– +\d+ +[1-9]\d*$/m);
      expect(stdout).toMatch(/lost: message \d+ of fleet\/bike-\d\//);
    },
  );

  it.each([
    ['nothing listens', ['--broker', 'mqtt://127.0.0.1:1'], '--chaos'],
    ['the broker is no MQTT URL', ['--broker', 'http://localhost'], 'mqtt://host[:port]'],
    ['a file is missing', ['--trips', 'nowhere.csv'], 'nowhere.csv'],
    ['two paces are given', ['--speed', '10', '--duration', '10s'], 'give one of them'],
    ['the duration has no unit', ['--duration', '10'], 'such as 60s'],
    ['there are no bikes', ['--bikes', '0'], '--bikes 0'],
  ])(
    'ends with exit code 2 and says what to do when %s',
    { timeout: TIMEOUT_MS },
    async (_what, args, advice) => {
      const { exitCode, stderr } = await spoke('fleet', ...args);
      expect(stderr).toContain(advice);
      expect(stderr).not.toContain('    at ');
      expect(exitCode).toBe(2);
    },
  );

  it('names bad rows by file and line', { timeout: TIMEOUT_MS }, async () => {
    const file = join(await temporaryDirectory(), 'trips.csv');
    await writeFile(file, 'Start Time,Trip Duration,Start Station,End Station\nsoon,60,A,B\n');
    const { exitCode, stderr } = await spoke('fleet', '--trips', file);
    expect(stderr).toContain(`${file}:2: Start Time "soon" is not a time`);
    expect(exitCode).toBe(2);
  });
});
