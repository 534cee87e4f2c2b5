/** The built compaction job as a child process: one pass, which can be killed on its way. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Summary } from '../../compaction-job/summary.ts';
import { packageFile } from '../../src/fleet/spawned-broker.ts';
import type { BrokerSettings } from './running-broker.ts';

export interface JobRun {
  /** null: it was killed. */
  readonly exitCode: number | null;
  /** undefined: it got no further than to its progress. */
  readonly summary: Summary | undefined;
  readonly progress: string;
}

export interface JobFile {
  readonly path: string;
  remove(): Promise<void>;
}

/** A configuration file that says what brokers with these settings are told. */
export async function jobFile(settings: BrokerSettings): Promise<JobFile> {
  const directory = await mkdtemp(join(tmpdir(), 'spoke-compaction-'));
  const path = join(directory, 'spokemq.yaml');
  // JSON is YAML.
  await writeFile(path, JSON.stringify(settings));
  return { path, remove: () => rm(directory, { recursive: true, force: true }) };
}

/** `killAfterMs`: counted from the first line of progress, when it has reached everything it needs. */
export function runJob(file: JobFile, args: readonly string[], killAfterMs?: number): Promise<JobRun> {
  const main = packageFile('dist/compaction-job/main.js');
  if (main === undefined) throw new Error('nothing has been built: run "npm run build" first');
  const child = spawn(process.execPath, [main, '--config', file.path, '--json', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let progress = '';
  let timer: NodeJS.Timeout | undefined;
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    progress += text;
    if (killAfterMs !== undefined) timer ??= setTimeout(() => child.kill('SIGKILL'), killAfterMs);
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exitCode) => {
      clearTimeout(timer);
      const summary = output === '' ? undefined : (JSON.parse(output) as Summary);
      resolve({ exitCode, summary, progress });
    });
  });
}
