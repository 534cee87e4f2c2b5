/** The directory of a cluster: whose it is, and what is written down there for whoever comes later. */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EngineError } from '../engine.ts';
import { claimDataDirectory, readRecord, runningProcesses, writeRecord } from '../engine-record.ts';
import type { EngineRecord } from '../engine-record.ts';
import { defaultDataDirectory, realDirectory } from '../places.ts';
import { sizeOf } from './cluster-options.ts';
import type { ClusterOptions } from './cluster-options.ts';
import type { SupervisedProcess } from './supervised-process.ts';

const ENGINE = 'cluster';
/** Of Linux 107, of others 103; HAProxy needs some of it for a name that is there while it starts. */
const SOCKET_PATH_BYTES_MAX = 90;

/** The directory that was named, or a temporary one. Throws an `EngineError` when it cannot be this cluster's. */
export async function claimedDirectory(options: ClusterOptions): Promise<string> {
  const { directory } = options;
  if (directory === undefined) return realDirectory(await mkdtemp(join(tmpdir(), 'spoke-cluster-')));
  await makeClusterDirectory({ ...options, directory });
  return realDirectory(directory);
}

/**
 * Makes the directory a cluster's, for good. Throws an `EngineError` when it holds something else, or a cluster of another form, or
 * one runs there.
 */
export async function makeClusterDirectory(
  options: ClusterOptions & { readonly directory: string },
): Promise<void> {
  const directory = realDirectory(options.directory);
  const record = await readRecord(directory);
  if (record !== undefined && (await runningProcesses(directory, record)).length > 0)
    throw new EngineError(
      `A cluster runs in ${directory} already. See it with "${commandFor(directory, 'status')}", ` +
        `or stop it: ${commandFor(directory, 'stop')}`,
    );
  // Nothing has run in it: a start that failed has decided nothing.
  if (record?.engine === ENGINE && record.processes.length === 0)
    await writeRecord(directory, { ...record, form: formOf(options) });
  await claimDataDirectory(directory, ENGINE, formOf(options));
}

export function clusterRecord(
  directory: string,
  options: ClusterOptions,
  supervised: readonly SupervisedProcess[],
): EngineRecord {
  const processes = supervised.map(({ plan: { name, server } }) => ({
    role: name,
    pid: server.pid,
    port: server.port,
    log: server.plan.log,
    startedAt: server.startedAt.toISOString(),
  }));
  return { engine: ENGINE, form: formOf(options), address: directory, processes };
}

/** What to type for the cluster of that directory. */
export function commandFor(directory: string, command: string): string {
  const elsewhere = directory === realDirectory(defaultDataDirectory(ENGINE)) ? '' : ` --data ${directory}`;
  return `npm run cluster -- ${command}${elsewhere}`;
}

/** Throws an `EngineError` when the system could not have a socket of that name there. */
export function socketPath(directory: string, name: string): string {
  const path = join(directory, name);
  if (Buffer.byteLength(path) <= SOCKET_PATH_BYTES_MAX) return path;
  throw new EngineError(
    `${directory} is too long a name for a directory with sockets in it. Name a shorter one: --data DIRECTORY`,
  );
}

/** What cannot be changed once there are data. */
function formOf(options: ClusterOptions): string {
  const { kafkaBrokers, metadata } = sizeOf(options);
  const { regionServers } = options.hbase ?? {};
  const folding = metadata === 0 ? ', brokers that fold the log' : '';
  if (options.engines !== undefined) return `engines elsewhere${folding}`;
  const hbase = regionServers === undefined ? 'in one process' : `with ${regionServers} region servers`;
  return `Kafka with ${kafkaBrokers} ${kafkaBrokers === 1 ? 'broker' : 'brokers'}, HBase ${hbase}${folding}`;
}
