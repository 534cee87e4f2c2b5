/**
 * `spoke prove`: runs the program in `chaos/`, which starts a cluster, breaks it and accounts for every message. That program needs the
 * development servers of a checkout, so it is a process of its own that is not part of an installation.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Command } from 'commander';
import { packageFile } from '../../fleet/spawned-broker.ts';
import { CommandError, EXIT } from '../cli-context.ts';

const PROGRAM = 'dist/chaos/main.js';

export function registerProveCommand(program: Command): void {
  program
    .command('prove')
    .description('break a whole cluster again and again under fleet traffic and account for every message')
    // They are the program's, `--help` too.
    .helpOption(false)
    .allowUnknownOption()
    .argument('[options...]', 'prove --help shows them')
    .action((options: readonly string[]) => prove(options));
}

async function prove(options: readonly string[]): Promise<void> {
  const file = packageFile(PROGRAM);
  if (file === undefined)
    throw new CommandError(
      'spoke prove needs the servers of a checkout: get the sources, and run "npm ci" and then "npm run prove" there',
      EXIT.usage,
    );
  const child = spawn(process.execPath, [file, ...options], { stdio: 'inherit' });
  // A terminal tells the child itself; others tell this process alone.
  const passOn = (signal: NodeJS.Signals) => child.kill(signal);
  process.on('SIGTERM', passOn).on('SIGINT', ignore);
  const [code] = (await once(child, 'exit')) as [number | null];
  process.off('SIGTERM', passOn).off('SIGINT', ignore);
  if (code !== 0) throw new CommandError('', code ?? EXIT.failure);
}

function ignore(): void {}
