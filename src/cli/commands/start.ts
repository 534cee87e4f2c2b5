/**
 * `spoke start`: runs the broker until SIGTERM or SIGINT, then stops it gracefully within the configured
 * deadline. One that loses its place among its peers begins anew, as another run of the same broker. A second signal, or the deadline, ends the process at once: nothing acknowledged depends on a
 * graceful stop.
 */
import type { Command } from 'commander';
import { createLogger, isPretty } from '../../app/logging.ts';
import type { ListeningAddress, RunningBroker } from '../../app/running-broker.ts';
import { VERSION } from '../../app/version.ts';
import { CommandError, EXIT } from '../cli-context.ts';
import type { CliContext } from '../cli-context.ts';
import { configOf, configOption } from '../config-option.ts';
import type { ConfigOption } from '../config-option.ts';
import { stopSignals, stopWithin, type StopSignals } from '../graceful-stop.ts';
import { startAgain } from '../start-again.ts';

export function registerStartCommand(program: Command, context: CliContext): void {
  program
    .command('start')
    .description('run the broker until it is told to stop')
    .addOption(configOption())
    .action((options: ConfigOption) => start(options, context));
}

async function start(options: ConfigOption, context: CliContext): Promise<void> {
  const { config, file } = configOf(options, context);
  const logger = createLogger(config.log, context.stdout);
  const startBroker = await context.loadBroker();
  // From here on a signal must not end the process by default: the store is being opened.
  const signals = stopSignals(context, logger);
  let broker: RunningBroker | undefined = await startBroker(config, logger).catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CommandError(`The broker did not start: ${reason}`, EXIT.failure, { cause });
  });
  const { deadlineMs } = config.shutdown;
  while (broker !== undefined) {
    logger.info({ version: VERSION, file, listeners: broker.listeners, admin: broker.adminUrl }, 'ready');
    if (isPretty(config.log, context.stdout)) context.stdout.write(banner(broker));
    const end = await endOf(broker, signals, context);
    if ('lost' in end) {
      broker = await startAgain({
        lost: broker,
        start: () => startBroker(config, logger),
        deadlineMs,
        signals,
        logger,
      });
    } else {
      logger.info({ ...end, deadlineMs }, 'stopping');
      await stopWithin(broker.stop(), deadlineMs, signals, context, logger);
      return;
    }
  }
  // A start that is under way holds nothing that anybody was promised.
  signals.ignore();
  context.exit(EXIT.ok);
}

type End = { readonly signal: string } | { readonly reason: string } | { readonly lost: string };

async function endOf(broker: RunningBroker, signals: StopSignals, context: CliContext): Promise<End> {
  const stopReloading = context.onReloadSignal(() => void broker.reload());
  const end = await Promise.race([
    signals.first.then((signal) => ({ signal })),
    broker.stopRequested.then((reason) => ({ reason })),
    broker.lost.then((lost) => ({ lost })),
  ]);
  stopReloading();
  return end;
}

function banner(broker: RunningBroker): string {
  const lines = broker.listeners.map((listener) => `    ${urlOf(listener)}`);
  const admin = broker.adminUrl === undefined ? [] : ['', `  Metrics and health  ${broker.adminUrl}/metrics`];
  return [
    '',
    `  SpokeMQ ${VERSION} is ready. Clients connect to:`,
    ...lines,
    ...admin,
    '  Ctrl-C stops it.',
    '',
    '',
  ].join('\n');
}

const SCHEMES: Readonly<Record<ListeningAddress['transport'], string>> = {
  tcp: 'mqtt',
  tls: 'mqtts',
  ws: 'ws',
  wss: 'wss',
};

function urlOf({ transport, host, port, path }: ListeningAddress): string {
  return `${SCHEMES[transport]}://${host.includes(':') ? `[${host}]` : host}:${port}${path ?? ''}`;
}
