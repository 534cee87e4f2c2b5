/** `spoke fleet`: replays bike-share trips as a fleet that keeps losing its connection, and prints the ledger. */
import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { CommandError, EXIT } from '../cli-context.ts';
import type { CliContext } from '../cli-context.ts';
import { durationMs } from '../duration.ts';
import type { FleetCommandOptions } from '../../fleet/fleet-command.ts';

export function registerFleetCommand(program: Command, context: CliContext): void {
  program
    .command('fleet')
    .description('replay bike-share trips as a fleet with flaky connections and account for every message')
    .option('--trips <files...>', 'CSV files of trips (default: the synthetic day that ships with SpokeMQ)')
    .option('--bikes <number>', 'size of the fleet', count, 40)
    .option('--duration <time>', 'length of the replay, such as 60s or 5m (default: 60s)', durationMs)
    .option('--speed <factor>', 'instead of a length: how many times faster than the city', positive)
    .option('--chaos', 'start a broker and kill it with SIGKILL again and again')
    .option('--kills <number>', 'how often with --chaos (default: once in six seconds)', count)
    .option('--spawn', 'start a broker without killing it')
    .option('--seed <number>', 'repeat the outages of an earlier run', count)
    .option('--broker <url>', 'broker to use: mqtt[s]://[user:password@]host[:port]', 'mqtt://127.0.0.1:1883')
    .option(
      '--settle <time>',
      'how long everything acknowledged may take to arrive at the end',
      durationMs,
      60_000,
    )
    .option('--json', 'print the report as JSON')
    .option('--report <file>', 'also write the report as JSON to this file')
    .action((options: FleetCommandOptions) => runFleetCommand(options, context));
}

async function runFleetCommand(options: FleetCommandOptions, context: CliContext): Promise<void> {
  if (options.speed !== undefined && options.duration !== undefined) {
    throw new CommandError('--speed and --duration both set the pace: give one of them', EXIT.usage);
  }
  // Loaded here: the client library takes longer to load than most other commands take to run.
  const { replayFleet, FleetUsageError } = await import('../../fleet/fleet-command.ts');
  const passed = await replayFleet(options, context).catch((cause: unknown) => {
    if (cause instanceof FleetUsageError) throw new CommandError(cause.message, EXIT.usage, { cause });
    throw cause;
  });
  if (!passed) throw new CommandError('The broker broke its promise: the ledger above says where.');
}

function count(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new InvalidArgumentError('Use a whole number.');
}

function positive(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError('Use a number above 0.');
}
