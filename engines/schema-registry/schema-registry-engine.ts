/**
 * A real schema registry on this machine: Apicurio, which speaks the Confluent API too. It promises that the API answers
 * when `ready` resolves; a temporary one starts empty and leaves nothing behind.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EngineError } from '../engine.ts';
import type { Progress, RunningEngine } from '../engine.ts';
import { claimDataDirectory, writeRecord } from '../engine-record.ts';
import type { EngineRecord } from '../engine-record.ts';
import { freePorts, isFree } from '../free-ports.ts';
import { javaCommand } from '../java.ts';
import { realDirectory } from '../places.ts';
import { ServerProcess } from '../server-process.ts';
import { Watchdog } from '../watchdog.ts';
import { apicurioJar } from './apicurio-files.ts';

export interface SchemaRegistryEngineOptions {
  /** Kept, and the registry left running when this process ends. Absent: in memory, and ends with this process. */
  readonly dataDirectory?: string;
  /** Absent: any free port. */
  readonly port?: number;
  readonly progress?: Progress;
}

const HEAP_MB = 256;
const READY_MS_MAX = 120_000;
const READY_POLL_MS = 200;

export class SchemaRegistryEngine implements RunningEngine {
  readonly dataDirectory: string;
  readonly server: ServerProcess;
  readonly #watchdog: Watchdog | undefined;

  /** Starts the registry and waits until it is ready. */
  static async start(options: SchemaRegistryEngineOptions = {}): Promise<SchemaRegistryEngine> {
    const progress = options.progress ?? (() => undefined);
    const java = javaCommand();
    const jar = await apicurioJar(progress);
    const dataDirectory = await preparedDirectory(options.dataDirectory);
    const watchdog = options.dataDirectory === undefined ? new Watchdog(dataDirectory) : undefined;
    const [freePort = 0] = await freePorts(1);
    const port = options.port ?? freePort;
    if (!(await isFree(port)))
      throw new EngineError(
        `Port ${port} of 127.0.0.1 is in use. Name another one, or stop what listens there.`,
      );
    const log = join(dataDirectory, 'logs', 'registry.log');
    const database = watchdog === undefined ? [`-Dapicurio.datasource.url=${fileUrl(dataDirectory)}`] : [];
    const args = [...JVM_OPTIONS, `-Dquarkus.http.port=${port}`, ...database, '-jar', jar];
    const server = new ServerProcess({ role: 'registry', command: java, args, port, log }, watchdog);
    const engine = new SchemaRegistryEngine(dataDirectory, server, watchdog);
    try {
      await engine.#start(progress);
    } catch (error) {
      await engine.stop();
      throw error;
    }
    return engine;
  }

  private constructor(dataDirectory: string, server: ServerProcess, watchdog: Watchdog | undefined) {
    this.dataDirectory = dataDirectory;
    this.server = server;
    this.#watchdog = watchdog;
  }

  /** Of the Confluent API. */
  get url(): string {
    return `http://127.0.0.1:${this.server.port}/apis/ccompat/v7`;
  }

  /** What is written down for whoever comes later. */
  get record(): EngineRecord {
    const { plan, pid, startedAt } = this.server;
    const { role, port, log } = plan;
    const process = { role, pid, port, log, startedAt: startedAt.toISOString() };
    return { engine: 'schema-registry', form: 'apicurio', address: this.url, processes: [process] };
  }

  async ready(): Promise<void> {
    const deadlineMs = performance.now() + READY_MS_MAX;
    let last: unknown;
    while (performance.now() < deadlineMs) {
      this.server.assertRunning();
      try {
        const response = await fetch(`${this.url}/subjects`, { signal: AbortSignal.timeout(READY_MS_MAX) });
        if (response.ok) return;
        last = await response.text();
      } catch (error) {
        last = error;
      }
      await sleep(READY_POLL_MS);
    }
    const place = this.server.plan.log;
    throw new EngineError(`The registry was not ready within ${READY_MS_MAX / 1000} s. Its log: ${place}`, {
      cause: last,
    });
  }

  async stop(): Promise<void> {
    const temporary = this.#watchdog !== undefined;
    await (temporary ? this.server.kill() : this.server.stop());
    if (temporary) await rm(this.dataDirectory, { recursive: true, force: true });
    await this.#watchdog?.dismiss();
  }

  async #start(progress: Progress): Promise<void> {
    progress('starting the registry');
    await this.server.start();
    await writeRecord(this.dataDirectory, this.record);
    progress('waiting until the registry answers');
    await this.ready();
  }
}

const JVM_OPTIONS = [
  `-Xmx${HEAP_MB}m`,
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-Djava.net.preferIPv4Stack=true',
  '-Dquarkus.http.host=127.0.0.1',
];

function fileUrl(dataDirectory: string): string {
  return `jdbc:h2:file:${join(dataDirectory, 'registry')}`;
}

async function preparedDirectory(dataDirectory: string | undefined): Promise<string> {
  const directory = dataDirectory ?? (await mkdtemp(join(tmpdir(), 'spoke-schema-registry-')));
  if (dataDirectory !== undefined) await claimDataDirectory(directory, 'schema-registry', 'apicurio');
  await mkdir(join(directory, 'logs'), { recursive: true });
  return realDirectory(directory);
}
