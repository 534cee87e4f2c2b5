/** The `spoke` command as this repository has built it, run for a cluster. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError } from '../engine.ts';
import type { Progress } from '../engine.ts';
import { PROJECT_DIRECTORY } from '../places.ts';
import type { ServerPlan } from '../server-process.ts';

/** How node runs the program, beyond what its configuration says. */
export interface Launch {
  /** Before the program, such as `--import`. */
  readonly nodeArguments?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

/** `spoke start` or `spoke metadata` with one configuration file. */
export interface SpokeProcess extends Launch {
  readonly name: string;
  readonly command: 'start' | 'metadata';
  readonly file: string;
  readonly port: number;
  readonly log: string;
}

const MAIN = 'dist/src/main.js';
const OUTPUT_CHARACTERS_MAX = 4_000;

export function spokePlan(process_: SpokeProcess): ServerPlan {
  const { name, command, file, port, log, nodeArguments = [], environment = {} } = process_;
  return {
    role: name,
    command: process.execPath,
    args: [...nodeArguments, mainFile(), command, '--config', file],
    port,
    log,
    environment: { ...plainEnvironment(), ...environment },
  };
}

/** Topics and tables, as the configuration wants them. */
export async function applyStorage(file: string, progress: Progress): Promise<void> {
  progress('making topics and tables');
  const child = spawn(process.execPath, [mainFile(), 'storage', 'apply', '--config', file], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: plainEnvironment(),
  });
  let output = '';
  child.stderr.on('data', (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-OUTPUT_CHARACTERS_MAX);
  });
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (status !== 0) throw new EngineError(`"spoke storage apply" failed:\n${output.trim()}`);
}

/** Throws an `EngineError` when nothing has been built. */
export function mainFile(): string {
  const file = join(PROJECT_DIRECTORY, MAIN);
  if (existsSync(file)) return file;
  throw new EngineError(`${file} is not there: run "npm run build" first.`);
}

/** The file says it all: a variable would count for every process of the cluster. */
function plainEnvironment(): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('SPOKE_')));
}
