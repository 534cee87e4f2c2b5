/** The command line of the compaction job: options, what it prints and where, exit codes. */
import { Command, CommanderError } from 'commander';
import { ConfigError, loadConfig } from '../src/app/config.ts';
import type { Environment } from '../src/app/config-environment.ts';
import type { SpokeConfig } from '../src/app/config-schema.ts';
import { createLogger } from '../src/app/logging.ts';
import { durationMs } from '../src/cli/duration.ts';
import { SystemClock } from '../src/transport/system-time.ts';
import { EXIT } from './exit-codes.ts';
import { openJobStores } from './open-stores.ts';
import { runPass } from './pass.ts';
import { Progress } from './progress.ts';
import { type Summary, summaryLines } from './summary.ts';

/** Longer than a stopped clock, a slow CONNECT and a broker that restarts. */
const GRACE_DEFAULT_MS = 10 * 60_000;
const TOMBSTONE_RETENTION_DEFAULT_MS = 24 * 60 * 60_000;

export interface JobContext {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  readonly environment: Environment;
  readonly workingDirectory: string;
}

interface JobOptions {
  readonly config?: string;
  readonly verify?: boolean;
  readonly repair?: boolean;
  readonly dryRun?: boolean;
  readonly grace: number;
  readonly tombstoneRetention: number;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** Makes one pass, for one command line without `node` and script, and resolves to the exit code. */
export async function runCompactionJob(args: readonly string[], context: JobContext): Promise<number> {
  try {
    const options = parse(args, context);
    const summary = await pass(options, context);
    const lines = options.json === true ? [JSON.stringify(summary, null, 2)] : summaryLines(summary);
    context.stdout.write(`${lines.join('\n')}\n`);
    return (summary.verification?.differencesLeft ?? 0) > 0 ? EXIT.differences : EXIT.clean;
  } catch (error) {
    return exitCodeOf(error, context);
  }
}

function parse(args: readonly string[], context: JobContext): JobOptions {
  const command = new Command('compaction-job')
    .description('one pass over the event log, the snapshots and the queues of a cluster; then it exits')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void context.stdout.write(text),
      writeErr: (text) => void context.stderr.write(text),
    })
    .option(
      '-c, --config <file>',
      'configuration file of the brokers (default: SPOKE_CONFIG, else ./spokemq.yaml if present)',
    )
    .option('--verify', 'fold the log again from its beginning and compare it with the snapshots')
    .option('--repair', 'as --verify, and mend the snapshots where they differ')
    .option('--dry-run', 'change nothing, only say what there is to do')
    .option('--grace <time>', 'how long brokers have to end an expired session', durationMs, GRACE_DEFAULT_MS)
    .option(
      '--tombstone-retention <time>',
      'how long the snapshots remember what was removed',
      durationMs,
      TOMBSTONE_RETENTION_DEFAULT_MS,
    )
    .option('--json', 'print the summary as JSON')
    .option('--quiet', 'print no progress')
    .allowExcessArguments(false);
  return command.parse([...args], { from: 'user' }).opts();
}

async function pass(options: JobOptions, context: JobContext): Promise<Summary> {
  const { config, file, warnings } = loadConfig({
    file: options.config,
    environment: context.environment,
    workingDirectory: context.workingDirectory,
  });
  const say = (line: string): void => void context.stderr.write(`${line}\n`);
  for (const warning of warnings) say(`warning: ${warning}`);
  assertCluster(config, file);
  const clock = new SystemClock();
  const logger = createLogger(
    { level: config.log.level, format: 'pretty' },
    { isTerminal: false, write: (line) => void context.stderr.write(line) },
  );
  const stores = await openJobStores(config, logger, clock);
  try {
    const repair = options.repair === true;
    return await runPass({
      stores,
      clock,
      progress: new Progress({
        write: options.quiet === true ? () => undefined : say,
        monotonicMs: () => performance.now(),
      }),
      graceMs: options.grace,
      tombstoneRetentionMs: options.tombstoneRetention,
      verify: repair || options.verify === true,
      repair,
      dryRun: options.dryRun === true,
    });
  } finally {
    // That connections end is no news from here on.
    logger.level = 'silent';
    await stores.close();
  }
}

function assertCluster({ eventLog }: SpokeConfig, file: string | undefined): void {
  if (eventLog.store === 'kafka') return;
  throw new ConfigError([
    {
      where: file ?? 'the default configuration',
      key: 'eventLog.store',
      what: `is "${eventLog.store}": that log cleans itself, and there is nothing to do for this job`,
      fix: 'Name the configuration of a cluster with --config',
    },
  ]);
}

function exitCodeOf(error: unknown, { stderr }: JobContext): number {
  if (error instanceof CommanderError) {
    // Help also ends by exception, with code 0; commander has printed everything itself.
    return error.exitCode === 0 ? EXIT.clean : EXIT.usage;
  }
  const text = isExpected(error) ? error.message : textOf(error);
  stderr.write(`${text}\n`);
  return error instanceof ConfigError ? EXIT.usage : EXIT.failed;
}

/** One of our own, or of the system: its message says all there is to say. What Node finds wrong with our code has a code too. */
function isExpected(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && !String(error.code).startsWith('ERR_');
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
