/**
 * `npm run engines -- <engine> start|stop|status`: runs other people's servers on loopback, for development. Tests use the
 * classes behind it.
 */
import { Command } from 'commander';
import { EngineError } from './engine.ts';
import type { EngineCommand } from './engine.ts';
import { readRecord, runningProcesses, stopRecorded } from './engine-record.ts';
import type { EngineRecord, ProcessRecord } from './engine-record.ts';
import { haproxyCommand } from './haproxy/haproxy-command.ts';
import { hbaseCommand } from './hbase/hbase-command.ts';
import { kafkaCommand } from './kafka/kafka-command.ts';
import { mySqlCommand } from './mysql/mysql-command.ts';
import { defaultDataDirectory, realDirectory } from './places.ts';
import { ProgressLine } from './progress-line.ts';
import { redisCommand } from './redis/redis-command.ts';
import { schemaRegistryCommand } from './schema-registry/schema-registry-command.ts';

const ENGINES: readonly EngineCommand[] = [
  haproxyCommand,
  hbaseCommand,
  kafkaCommand,
  mySqlCommand,
  redisCommand,
  schemaRegistryCommand,
];

interface DataDirectoryOption {
  readonly dataDirectory: string;
}

function program(): Command {
  const engines = new Command('engines').description('Servers for development, on loopback only');
  for (const engine of ENGINES) engines.addCommand(commandOf(engine));
  return engines;
}

function commandOf(engine: EngineCommand): Command {
  const command = new Command(engine.name).description(engine.summary);
  const add = (name: string, description: string) =>
    command
      .command(name)
      .description(description)
      .option('--data-directory <path>', 'where it keeps its data', defaultDataDirectory(engine.name));

  engine
    .addOptions(add('start', 'start it, wait until it is ready, and leave it running'))
    .action(async (options: DataDirectoryOption) => {
      const line = new ProgressLine(process.stderr);
      const record = await engine
        .startDetached(options.dataDirectory, { ...options }, (text) => line.tell(text))
        .finally(() => line.end());
      print(await statusText(realDirectory(options.dataDirectory), record));
    });
  add('stop', 'stop it; its data stay').action(async ({ dataDirectory }: DataDirectoryOption) => {
    const stopped = await stopRecorded(realDirectory(dataDirectory));
    print(stopped.length === 0 ? `${engine.name} was not running.` : `Stopped ${list(stopped)}.`);
  });
  add('status', 'what runs, where, and since when').action(async ({ dataDirectory }: DataDirectoryOption) => {
    const directory = realDirectory(dataDirectory);
    const record = await readRecord(directory);
    print(record === undefined ? `${engine.name} has never run here.` : await statusText(directory, record));
  });
  return command;
}

async function statusText(dataDirectory: string, record: EngineRecord): Promise<string> {
  const running = await runningProcesses(dataDirectory, record);
  if (running.length === 0) return `${record.engine} (${record.form}) is stopped. Data: ${dataDirectory}`;
  const lines = record.processes.map((process) => {
    const { role, pid, port, startedAt, log } = process;
    const state = running.includes(process)
      ? `process ${pid}, port ${port}, since ${startedAt}`
      : 'not running';
    return `  ${role}: ${state}, log ${log}`;
  });
  return [
    `${record.engine} (${record.form}) runs at ${record.address}`,
    ...lines,
    `  data: ${dataDirectory}`,
  ].join('\n');
}

function list(processes: readonly ProcessRecord[]): string {
  return processes.map(({ role, pid }) => `${role} (process ${pid})`).join(', ');
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

try {
  await program().parseAsync();
} catch (error) {
  if (!(error instanceof EngineError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
