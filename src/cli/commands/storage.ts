/**
 * `spoke storage apply`: makes or upgrades the tables outside of the data directory. `spoke storage check`: says what is not
 * as it should be. `spoke storage reset`: empties them for another data directory.
 */
import type { Command } from 'commander';
import type { SpokeConfig } from '../../app/config-schema.ts';
import type { Storage } from '../../app/storage.ts';
import { CommandError } from '../cli-context.ts';
import type { CliContext } from '../cli-context.ts';
import { configOf, configOption } from '../config-option.ts';
import type { ConfigOption } from '../config-option.ts';

export function registerStorageCommand(program: Command, context: CliContext): void {
  const command = program
    .command('storage')
    .description('tables that queues need outside of the data directory');
  const register = (
    name: string,
    description: string,
    run: (storage: Storage, context: CliContext) => Promise<void>,
  ): void => {
    command
      .command(name)
      .description(description)
      .addOption(configOption())
      .action((options: ConfigOption) => withStorage(options, context, run));
  };
  register('apply', 'create the tables, or bring them to what this release wants', apply);
  register('check', 'list what is not as this release wants it', check);
  register('reset', 'empty the tables for a new data directory; every queued message is lost', reset);
}

async function apply(storage: Storage, context: CliContext): Promise<void> {
  failOn(
    await storage.apply(),
    'Region servers keep a class until its jar has another name: see docs/operations.md',
  );
  for (const table of storage.tables) context.stdout.write(`Table ${table} is ready.\n`);
}

async function check(storage: Storage, context: CliContext): Promise<void> {
  failOn(await storage.check(), 'Run "spoke storage apply"');
  for (const table of storage.tables) context.stdout.write(`Table ${table} is as it should be.\n`);
}

async function reset(storage: Storage, context: CliContext): Promise<void> {
  const owner = await storage.resetQueues();
  const was = owner === undefined ? 'was nobody’s' : `belonged to the data directory ${owner}`;
  context.stdout.write(
    `Table ${storage.queueTable} ${was} and is empty. The next broker that starts has it.\n`,
  );
}

function failOn(problems: readonly string[], advice: string): void {
  if (problems.length === 0) return;
  throw new CommandError(
    [
      'The tables in HBase are not as they should be:',
      ...problems.map((problem) => `  ${problem}`),
      `${advice}.`,
    ].join('\n'),
  );
}

async function withStorage(
  options: ConfigOption,
  context: CliContext,
  run: (storage: Storage, context: CliContext) => Promise<void>,
): Promise<void> {
  const { config } = configOf(options, context);
  if (isEmbedded(config)) {
    context.stdout.write(
      'queues.store is "embedded": everything is in the data directory, there is nothing to do.\n',
    );
    return;
  }
  // Loaded only here, so that every other command starts quickly.
  const { openStorage } = await import('../../app/storage.ts');
  const progress = (line: string): void => void context.stderr.write(`${line}\n`);
  const storage = await openStorage(config.hbase, progress).catch(failed);
  try {
    await run(storage, context).catch(failed);
  } finally {
    storage.close();
  }
}

/** HBase's errors say all there is to say. */
function failed(error: unknown): never {
  if (error instanceof CommandError) throw error;
  throw new CommandError(error instanceof Error ? error.message : String(error), undefined, { cause: error });
}

function isEmbedded({ queues }: SpokeConfig): boolean {
  return queues.store === 'embedded';
}
