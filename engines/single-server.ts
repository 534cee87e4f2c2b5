/**
 * An engine that is one process on one port. It promises that the server answers a real call when `start` resolves and that
 * nothing of a temporary one is left when its owner ends.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EngineError } from './engine.ts';
import type { Progress, RunningEngine } from './engine.ts';
import { claimDataDirectory, writeRecord } from './engine-record.ts';
import type { EngineRecord } from './engine-record.ts';
import { freePorts, isFree } from './free-ports.ts';
import { realDirectory } from './places.ts';
import { ServerProcess } from './server-process.ts';
import { Watchdog } from './watchdog.ts';

export interface SingleServerOptions {
  /** Kept, and the server left running when this process ends. Absent: temporary, and everything ends with this process. */
  readonly dataDirectory?: string;
  /** Absent: any free port. */
  readonly port?: number;
  /** Of a directory that holds the data directory: the server ends with this process all the same. */
  readonly watchdog?: Watchdog;
  /** Arguments of the server besides those that it needs to run here. */
  readonly args?: readonly string[];
  readonly progress?: Progress;
}

/** What is different from one engine to the next. */
export interface SingleServerKind {
  /** On the command line and in the record, such as `redis`. */
  readonly engine: string;
  /** For people, such as `Redis`. */
  readonly title: string;
  /** Which programs can use each other's data, such as `MariaDB`. */
  readonly form: string;
  /** Makes the data directory ready, and says what is to be run. */
  prepare(
    dataDirectory: string,
    port: number,
  ): Promise<{
    readonly command: string;
    readonly args: readonly string[];
  }>;
  /** One real call. Rejects when it is not answered as it should be. */
  call(port: number): Promise<void>;
}

const READY_MS_MAX = 60_000;
const READY_POLL_MS = 50;

export class SingleServer implements RunningEngine {
  readonly dataDirectory: string;
  readonly server: ServerProcess;
  readonly #kind: SingleServerKind;
  /** Of a temporary data directory. */
  readonly #watchdog: Watchdog | undefined;

  /** Starts the server and waits until it is ready. */
  static async start(kind: SingleServerKind, options: SingleServerOptions): Promise<SingleServer> {
    const progress = options.progress ?? (() => undefined);
    const port = options.port ?? (await freePorts(1))[0] ?? 0;
    if (!(await isFree(port)))
      throw new EngineError(
        `Port ${port} of 127.0.0.1 is in use. Name another one for ${kind.title}, or stop what listens there.`,
      );
    const dataDirectory = await preparedDirectory(kind, options.dataDirectory);
    const watchdog = options.dataDirectory === undefined ? new Watchdog(dataDirectory) : undefined;
    try {
      progress(`starting ${kind.title}`);
      const program = await kind.prepare(dataDirectory, port);
      const log = join(dataDirectory, `${kind.engine}.log`);
      const server = new ServerProcess(
        { ...program, args: [...program.args, ...(options.args ?? [])], role: kind.title, port, log },
        watchdog ?? options.watchdog,
      );
      const engine = new SingleServer(kind, dataDirectory, server, watchdog);
      await engine.#start();
      return engine;
    } catch (error) {
      await remove(dataDirectory, watchdog);
      throw error;
    }
  }

  private constructor(
    kind: SingleServerKind,
    dataDirectory: string,
    server: ServerProcess,
    watchdog: Watchdog | undefined,
  ) {
    this.#kind = kind;
    this.dataDirectory = dataDirectory;
    this.server = server;
    this.#watchdog = watchdog;
  }

  get port(): number {
    return this.server.port;
  }

  /** What is written down for whoever comes later. */
  get record(): EngineRecord {
    const { plan, pid, startedAt } = this.server;
    const { role, port, log } = plan;
    const { engine, form } = this.#kind;
    const processes = [{ role, pid, port, log, startedAt: startedAt.toISOString() }];
    return { engine, form, address: `127.0.0.1:${port}`, processes };
  }

  async ready(): Promise<void> {
    const deadlineMs = performance.now() + READY_MS_MAX;
    let last: unknown;
    while (performance.now() < deadlineMs) {
      this.server.assertRunning();
      try {
        await this.#kind.call(this.port);
        return;
      } catch (error) {
        last = error;
      }
      await sleep(READY_POLL_MS);
    }
    throw new EngineError(
      `${this.#kind.title} was not ready within ${READY_MS_MAX / 1000} s. Its log: ${this.server.plan.log}`,
      { cause: last },
    );
  }

  async stop(): Promise<void> {
    await (this.#watchdog === undefined ? this.server.stop() : this.server.kill());
    await remove(this.dataDirectory, this.#watchdog);
  }

  async #start(): Promise<void> {
    await this.server.start();
    try {
      await writeRecord(this.dataDirectory, this.record);
      await this.ready();
    } catch (error) {
      await this.server.kill();
      throw error;
    }
  }
}

async function preparedDirectory(kind: SingleServerKind, dataDirectory: string | undefined): Promise<string> {
  const directory = dataDirectory ?? (await mkdtemp(join(tmpdir(), `spoke-${kind.engine}-`)));
  if (dataDirectory !== undefined) await claimDataDirectory(directory, kind.engine, kind.form);
  await mkdir(directory, { recursive: true });
  return realDirectory(directory);
}

/** Without a watchdog the data are to be kept. */
async function remove(dataDirectory: string, watchdog: Watchdog | undefined): Promise<void> {
  if (watchdog === undefined) return;
  await rm(dataDirectory, { recursive: true, force: true });
  await watchdog.dismiss();
}
