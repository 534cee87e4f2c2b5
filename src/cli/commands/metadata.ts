/**
 * `spoke metadata`: folds the event log in Kafka into the snapshots in HBase, and nothing else, until SIGTERM or SIGINT. As many as one
 * likes: they divide the partitions among themselves and among the brokers that fold too.
 */
import type { Command } from 'commander';
import { createLogger } from '../../app/logging.ts';
import { VERSION } from '../../app/version.ts';
import { CommandError, EXIT } from '../cli-context.ts';
import type { CliContext } from '../cli-context.ts';
import { configOf, configOption } from '../config-option.ts';
import type { ConfigOption } from '../config-option.ts';
import { stopSignals, stopWithin } from '../graceful-stop.ts';

export function registerMetadataCommand(program: Command, context: CliContext): void {
  program
    .command('metadata')
    .description('keep the snapshots of the event log up to date, without a broker')
    .addOption(configOption())
    .action((options: ConfigOption) => metadata(options, context));
}

async function metadata(options: ConfigOption, context: CliContext): Promise<void> {
  const { config, file } = configOf(options, context);
  if (config.eventLog.store !== 'kafka') {
    throw new CommandError(
      'eventLog.store is "embedded": the event log is in the data directory of a broker, which keeps its snapshots itself. ' +
        'Set eventLog.store to "kafka".',
      EXIT.usage,
    );
  }
  const logger = createLogger(config.log, context.stdout);
  const startMetadata = await context.loadMetadata();
  // From here on a signal must not end the process by default: it has a share of the partitions.
  const signals = stopSignals(context, logger);
  const running = await startMetadata(config, logger).catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CommandError(`The metadata service did not start: ${reason}`, EXIT.failure, { cause });
  });
  logger.info({ version: VERSION, file, admin: running.adminUrl }, 'ready');
  const signal = await signals.first;
  const { deadlineMs } = config.shutdown;
  logger.info({ signal, deadlineMs }, 'stopping');
  await stopWithin(running.stop(), deadlineMs, signals, context, logger);
}
