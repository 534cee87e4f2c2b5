/**
 * `spoke storage apply`: makes or upgrades the tables and topics outside of the data directory. `spoke storage check`: says what
 * is not as it should be. `spoke storage reset`: empties the tables for another data directory or event log.
 */
import type { Command } from 'commander';
import { usedLinks } from '../../app/auth-chains.ts';
import type { SpokeConfig } from '../../app/config-schema.ts';
import type { LogTopics } from '../../app/log-topics.ts';
import type { Storage } from '../../app/storage.ts';
import type { UserTables } from '../../app/user-tables.ts';
import { CommandError } from '../cli-context.ts';
import type { CliContext } from '../cli-context.ts';
import { configOf, configOption } from '../config-option.ts';
import type { ConfigOption } from '../config-option.ts';
import { recorded, type DirectTrail } from '../recorded-change.ts';

const NOTHING_TO_DO =
  'queues.store is "embedded": everything is in the data directory, there is nothing to do.\n';

/** Everything outside of the data directory. */
interface Places {
  /** undefined: the queues are in the data directory. */
  readonly tables: Storage | undefined;
  /** undefined: the event log is in the data directory. */
  readonly topics: LogTopics | undefined;
  /** undefined: nobody is looked up in a database. */
  readonly users: UserTables | undefined;
}

export function registerStorageCommand(program: Command, context: CliContext): void {
  const command = program
    .command('storage')
    .description('tables and topics that a broker needs outside of the data directory');
  const register = (
    name: string,
    description: string,
    run: (places: Places, context: CliContext, config: SpokeConfig) => Promise<void>,
  ): void => {
    command
      .command(name)
      .description(description)
      .addOption(configOption())
      .action((options: ConfigOption) => withPlaces(options, context, run));
  };
  register('apply', 'create tables and topics, or bring them to what this release wants', apply);
  register('check', 'list what is not as this release wants it', check);
  register(
    'reset',
    'empty the tables for a new data directory or event log; every queued message is lost',
    reset,
  );
}

async function apply(places: Places, context: CliContext, config: SpokeConfig): Promise<void> {
  const { tables, topics, users } = places;
  // Topics first: how many partitions they have cannot be changed, and the tables follow it; the audit trail is one of them.
  const wrong = (await topics?.apply()) ?? [];
  await recorded(
    { action: 'storage.apply' },
    config,
    context,
    async () => {
      failOn(
        [...wrong, ...((await tables?.apply()) ?? []), ...((await users?.apply()) ?? [])],
        'Region servers keep a class until its jar has another name: see docs/operations.md',
      );
    },
    trailOf(places, config),
  );
  tell(places, 'is ready', context);
}

/** In Kafka it is there without a broker. */
function trailOf({ topics }: Places, config: SpokeConfig): DirectTrail | undefined {
  if (topics === undefined) return undefined;
  return async (change) => {
    const { recordInKafka } = await import('../../app/command-trail.ts');
    await recordInKafka(config, change, QUIET);
  };
}

async function check(places: Places, context: CliContext): Promise<void> {
  const { tables, topics, users } = places;
  failOn(
    [
      ...((await topics?.check()) ?? []),
      ...((await tables?.check()) ?? []),
      ...((await users?.check()) ?? []),
    ],
    'Run "spoke storage apply"',
  );
  tell(places, 'is as it should be', context);
}

async function reset(places: Places, context: CliContext, config: SpokeConfig): Promise<void> {
  const { tables, topics } = places;
  if (tables === undefined) {
    context.stdout.write(NOTHING_TO_DO);
    return;
  }
  const emptied = async (): Promise<string | undefined> => {
    // Before the queues are anybody's again.
    if (topics !== undefined) await tables.resetSnapshots();
    return await tables.resetQueues();
  };
  const change = { action: 'storage.reset', target: tables.queueTable } as const;
  const owner = await recorded(change, config, context, emptied, trailOf(places, config));
  const was = owner === undefined ? 'was nobody’s' : `belonged to ${owner}`;
  context.stdout.write(
    `Table ${tables.queueTable} ${was} and is empty. The next broker that starts has it.\n`,
  );
}

function tell({ tables, topics, users }: Places, state: string, { stdout }: CliContext): void {
  for (const topic of topics?.names ?? []) stdout.write(`Topic ${topic} ${state}.\n`);
  for (const table of tables?.tables ?? []) stdout.write(`Table ${table} ${state}.\n`);
  if (users !== undefined) stdout.write(`The database ${users.name} ${state}.\n`);
}

function failOn(problems: readonly string[], advice: string): void {
  if (problems.length === 0) return;
  throw new CommandError(
    ['Not everything is as it should be:', ...problems.map((problem) => `  ${problem}`), `${advice}.`].join(
      '\n',
    ),
  );
}

async function withPlaces(
  options: ConfigOption,
  context: CliContext,
  run: (places: Places, context: CliContext, config: SpokeConfig) => Promise<void>,
): Promise<void> {
  const { config } = configOf(options, context);
  if (isEmbedded(config) && !usedLinks(config).has('mysql')) {
    context.stdout.write(NOTHING_TO_DO);
    return;
  }
  const places = await openPlaces(config, (line) => void context.stderr.write(`${line}\n`)).catch(failed);
  try {
    await run(places, context, config).catch(failed);
  } finally {
    places.tables?.close();
    await places.users?.close();
  }
}

/** Loaded only here, so that every other command starts quickly. */
async function openPlaces(config: SpokeConfig, progress: (line: string) => void): Promise<Places> {
  const users = usedLinks(config).has('mysql')
    ? (await import('../../app/user-tables.ts')).openUserTables(config.auth.mysql)
    : undefined;
  if (isEmbedded(config)) return { tables: undefined, topics: undefined, users };
  const { openStorage } = await import('../../app/storage.ts');
  if (config.eventLog.store === 'embedded')
    return { tables: await openStorage(config.hbase, progress), topics: undefined, users };
  const { logTopics } = await import('../../app/log-topics.ts');
  const topics = await logTopics(config, QUIET, progress);
  return { tables: await openStorage(config.hbase, progress, config.kafka.partitions), topics, users };
}

/** What Kafka's client complains of while it tries again; if that does not help, it says so in an error. */
const QUIET = { error: () => undefined, warn: () => undefined, info: () => undefined };

/** The errors of HBase and Kafka say all there is to say. */
function failed(error: unknown): never {
  if (error instanceof CommandError) throw error;
  throw new CommandError(error instanceof Error ? error.message : String(error), undefined, { cause: error });
}

function isEmbedded({ queues }: SpokeConfig): boolean {
  return queues.store === 'embedded';
}
