/** Runs Maven, which fetches jars and builds our endpoint. */
import { spawn } from 'node:child_process';
import { EngineError } from './engine.ts';
import { mavenCommand } from './maven-distribution.ts';

const OUTPUT_CHARACTERS_MAX = 4_000;

/**
 * Runs Maven without questions; rejects with the end of what it printed. `directory`: where it works, for goals without a
 * project, which leave folders there.
 */
export async function runMaven(args: readonly string[], directory?: string): Promise<void> {
  const child = spawn(await mavenCommand(), ['--quiet', '--batch-mode', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: directory,
  });
  let output = '';
  const keep = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-OUTPUT_CHARACTERS_MAX);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (status !== 0)
    throw new EngineError(
      `"mvn ${args.join(' ')}" failed. Can it reach a Maven repository? Its last words:\n${output.trim()}`,
    );
}
