/**
 * `npm run cluster`: a whole cluster on this machine, on loopback only, held by this process until Ctrl-C; and what one asks it
 * from another terminal. Tests use the class behind it.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Command, Option } from 'commander';
import { EngineError } from '../engine.ts';
import { readRecord } from '../engine-record.ts';
import { defaultDataDirectory, realDirectory } from '../places.ts';
import { ProgressLine } from '../progress-line.ts';
import { whole } from '../whole-number.ts';
import { ClusterHolder } from './cluster-holder.ts';
import { BROKERS, METADATA_SERVICES } from './cluster-options.ts';
import { askControl } from './control-socket.ts';
import type { ControlRequest, KillSignal, MemberReport } from './control-socket.ts';
import { onOwnersEnd } from './owner.ts';
import { statusText, usageText } from './status-text.ts';

const BROKERS_MAX = 9;
const BASE_PORT_MIN = 1_024;
/** Of which the last is still a port. */
const BASE_PORT_MAX = 65_000;
const LINES_MAX = 1_000_000;
const LINES = 100;
const INTERRUPTED = 130;

interface StartOptions {
  readonly data: string;
  readonly brokers: number;
  readonly metadata: number;
  readonly kafkaBrokers?: number;
  readonly regionServers?: number;
  readonly basePort?: number;
  readonly haproxy: boolean;
  readonly caches: boolean;
  readonly restart: boolean;
}

function program(): Command {
  const cluster = new Command('npm run cluster --')
    .description(
      'Kafka, HBase, brokers, a metadata service, HAProxy, Redis and MySQL on this machine, on loopback only. ' +
        'Needs Java 17, a JDK. What is not installed and can be done without is left out. ' +
        'All of it ends with this command; data and logs stay.',
    )
    .usage('[options]  or  npm run cluster -- <command> [options]')
    .option(
      '--data <directory>',
      'where data, configuration and logs are kept',
      defaultDataDirectory('cluster'),
    )
    .option('--brokers <number>', 'brokers', whole(1, BROKERS_MAX), BROKERS)
    .option(
      '--metadata <number>',
      'processes that fold the event log into snapshots; 0: the brokers do',
      whole(0, BROKERS_MAX),
      METADATA_SERVICES,
    )
    .option('--kafka-brokers <number>', 'brokers of Kafka (default: 1)', whole(1, BROKERS_MAX))
    .option(
      '--region-servers <number>',
      'region servers, ZooKeeper and master as processes of their own (default: one process for all)',
      whole(1, BROKERS_MAX),
    )
    .option(
      '--base-port <port>',
      'all ports in one row from here (default: 1883 and so on; once chosen they stay)',
      whole(BASE_PORT_MIN, BASE_PORT_MAX),
    )
    .option('--no-haproxy', 'clients connect to the brokers')
    .option('--no-caches', 'without Redis and MySQL, which no broker needs')
    .option('--no-restart', 'a process that ends stays down')
    .action(start);
  const add = (name: string, summary: string) => cluster.command(name).description(summary);
  add('status', 'every process: its state, ports and log').action(async (_, command: Command) => {
    await ask(command, { command: 'status' });
  });
  add('stop', 'stop everything in order; data and logs stay').action(async (_, command: Command) => {
    await ask(command, { command: 'stop' });
  });
  add('kill <name>', 'kill one process; it is started again after a second')
    .addOption(new Option('--signal <signal>', 'how').choices(['SIGKILL', 'SIGTERM']).default('SIGKILL'))
    .option('--hold', 'it stays down until "restart"', false)
    .action(
      async (
        name: string,
        options: { readonly signal: KillSignal; readonly hold: boolean },
        command: Command,
      ) => {
        await ask(command, { command: 'kill', name, ...options });
      },
    );
  add('restart <name>', 'stop one process in order, start it, wait until it is ready').action(
    async (name: string, _, command: Command) => {
      await ask(command, { command: 'restart', name });
    },
  );
  add('logs <name>', 'the end of what one process printed')
    .option('-n, --lines <number>', 'how much of it', whole(1, LINES_MAX), LINES)
    .option('-f, --follow', 'and what it prints from now on', false)
    .action(async (name: string, options: LogOptions, command: Command) => {
      await printLog(directoryOf(command), name, options);
    });
  return cluster;
}

async function start(options: StartOptions): Promise<void> {
  const line = new ProgressLine(process.stderr);
  const abandon = () => {
    line.end();
    // The watchdog ends what has been started.
    process.exit(INTERRUPTED);
  };
  const owner = onOwnersEnd(abandon);
  const holder = await ClusterHolder.start({
    directory: options.data,
    brokers: options.brokers,
    metadata: options.metadata,
    haproxy: options.haproxy,
    caches: options.caches,
    supervise: options.restart,
    ...(options.basePort === undefined ? {} : { ports: options.basePort }),
    kafka: options.kafkaBrokers === undefined ? {} : { brokers: options.kafkaBrokers },
    hbase: options.regionServers === undefined ? {} : { regionServers: options.regionServers },
    progress: (text) => line.tell(text),
    log: print,
    abandon,
  }).finally(() => line.end());
  owner.change(() => {
    // Whoever is in a hurry asks twice.
    owner.change(abandon);
    void holder.stop((text) => process.stderr.write(`${text}\n`));
  });
  const members = await holder.members();
  print(statusText(members));
  print(`\n${usageText(realDirectory(options.data), members)}\n\nCtrl-C stops everything.`);
  await holder.stopped;
  print(`Stopped. Data and logs: ${realDirectory(options.data)}`);
  process.exit();
}

async function ask(command: Command, request: ControlRequest): Promise<void> {
  const directory = directoryOf(command);
  const line = new ProgressLine(process.stderr);
  const members = await askControl(directory, request, (text) => line.tell(text)).finally(() => line.end());
  print(members === undefined ? await stoppedText(directory) : answerText(request, members));
  if (members === undefined && request.command !== 'stop') process.exitCode = 1;
}

function answerText(request: ControlRequest, members: readonly MemberReport[]): string {
  return request.command === 'stop' ? 'Stopped.' : statusText(members);
}

async function stoppedText(directory: string): Promise<string> {
  const record = await readRecord(directory);
  return record === undefined
    ? `No cluster has run in ${directory}.`
    : `The cluster is stopped (${record.form}). Data and logs: ${directory}`;
}

interface LogOptions {
  readonly lines: number;
  readonly follow: boolean;
}

async function printLog(directory: string, name: string, { lines, follow }: LogOptions): Promise<void> {
  const processes = (await readRecord(directory))?.processes ?? [];
  const found = processes.find(({ role }) => role === name);
  if (found === undefined)
    throw new EngineError(
      processes.length === 0
        ? await stoppedText(directory)
        : `There is no ${name} in this cluster. There are: ${processes.map(({ role }) => role).join(', ')}.`,
    );
  const child = spawn('tail', ['-n', `${lines}`, ...(follow ? ['-F'] : []), found.log], { stdio: 'inherit' });
  await once(child, 'exit');
}

function directoryOf(command: Command): string {
  return realDirectory(command.optsWithGlobals<{ readonly data: string }>().data);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

try {
  await program().parseAsync();
} catch (error) {
  if (!(error instanceof EngineError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
