/**
 * `spoke start`: runs the broker until SIGTERM or SIGINT, then stops it gracefully within the configured
 * deadline. A second signal, or the deadline, ends the process at once: nothing acknowledged depends on a
 * graceful stop.
 */
import type { Command } from 'commander';
import { createLogger, isPretty } from '../../app/logging.ts';
import type { Logger } from '../../app/logging.ts';
import type { ListeningAddress, RunningBroker } from '../../app/running-broker.ts';
import { VERSION } from '../../app/version.ts';
import { CommandError, EXIT } from '../cli-context.ts';
import type { CliContext } from '../cli-context.ts';
import { configOf, configOption } from '../config-option.ts';
import type { ConfigOption } from '../config-option.ts';

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
  const broker = await startBroker(config, logger).catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CommandError(`The broker did not start: ${reason}`, EXIT.failure, { cause });
  });
  logger.info({ version: VERSION, file, listeners: broker.listeners, admin: broker.adminUrl }, 'ready');
  if (isPretty(config.log, context.stdout)) context.stdout.write(banner(broker));
  const stopReloading = context.onReloadSignal(() => void broker.reload());
  const signal = await signals.first;
  stopReloading();
  logger.info({ signal, deadlineMs: config.shutdown.deadlineMs }, 'stopping');
  const stopped = await withinDeadline(broker.stop(), config.shutdown.deadlineMs);
  signals.ignore();
  if (stopped) {
    logger.info('stopped');
    return;
  }
  logger.warn(
    { deadlineMs: config.shutdown.deadlineMs },
    'stopping took longer than the deadline: ending at once',
  );
  context.exit(EXIT.failure);
}

function stopSignals(
  context: CliContext,
  logger: Logger,
): { readonly first: Promise<string>; readonly ignore: () => void } {
  const { promise: first, resolve } = withResolvers<string>();
  let signals = 0;
  const ignore = context.onStopSignal((signal) => {
    signals++;
    if (signals === 1) {
      resolve(signal);
      return;
    }
    logger.warn({ signal }, 'second signal: ending at once');
    context.exit(EXIT.failure);
  });
  return { first, ignore };
}

/** false: `work` was still going on after `deadlineMs`. */
async function withinDeadline(work: Promise<void>, deadlineMs: number): Promise<boolean> {
  const { promise: deadline, resolve } = withResolvers<false>();
  const timer = setTimeout(() => {
    resolve(false);
  }, deadlineMs);
  try {
    return await Promise.race([work.then(() => true), deadline]);
  } finally {
    clearTimeout(timer);
  }
}

function withResolvers<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
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
