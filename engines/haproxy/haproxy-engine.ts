/**
 * A real HAProxy before a broker on this machine. It promises that every front accepts connections when `ready`
 * resolves and that nothing of a temporary one is left when its owner ends; whether the broker behind runs is not its
 * business.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EngineError } from '../engine.ts';
import type { Progress, RunningEngine } from '../engine.ts';
import { claimDataDirectory, writeRecord } from '../engine-record.ts';
import type { EngineRecord } from '../engine-record.ts';
import { freePorts, isFree } from '../free-ports.ts';
import { realDirectory } from '../places.ts';
import { ServerProcess } from '../server-process.ts';
import { Watchdog } from '../watchdog.ts';
import { haproxyCommand } from './haproxy-binary.ts';
import { HEALTH_PATH, renderConfig } from './haproxy-config.ts';
import type { Front } from './haproxy-config.ts';
import { untilServing } from './haproxy-readiness.ts';

/** As configured, except that the port may be left to chance. */
export type FrontWish = Omit<Front, 'port'> & { readonly port?: number };

export interface HAProxyOptions {
  readonly fronts: readonly FrontWish[];
  /** Kept, and HAProxy left running when this process ends. Absent: temporary, and ends with this process. */
  readonly dataDirectory?: string;
  readonly progress?: Progress;
}

export class HAProxyEngine implements RunningEngine {
  readonly dataDirectory: string;
  readonly fronts: readonly Front[];
  readonly server: ServerProcess;
  readonly #healthPort: number;
  readonly #watchdog: Watchdog | undefined;

  /** Starts it and waits until it is ready. */
  static async start(options: HAProxyOptions): Promise<HAProxyEngine> {
    const progress = options.progress ?? (() => undefined);
    const command = haproxyCommand();
    const { fronts, healthPort } = await assignPorts(options.fronts);
    const dataDirectory = await preparedDirectory(options.dataDirectory);
    const watchdog = options.dataDirectory === undefined ? new Watchdog(dataDirectory) : undefined;
    const config = join(dataDirectory, 'haproxy.cfg');
    await writeFile(config, renderConfig(fronts, healthPort));
    const plan = {
      role: 'HAProxy',
      command,
      args: ['-db', '-f', config],
      port: healthPort,
      log: join(dataDirectory, 'haproxy.log'),
    };
    const engine = new HAProxyEngine(dataDirectory, fronts, new ServerProcess(plan, watchdog), watchdog);
    try {
      progress('starting HAProxy');
      await engine.server.start();
      await writeRecord(dataDirectory, engine.record);
      await engine.ready();
    } catch (error) {
      await engine.stop();
      throw error;
    }
    return engine;
  }

  private constructor(
    dataDirectory: string,
    fronts: readonly Front[],
    server: ServerProcess,
    watchdog: Watchdog | undefined,
  ) {
    this.dataDirectory = dataDirectory;
    this.fronts = fronts;
    this.server = server;
    this.#healthPort = server.port;
    this.#watchdog = watchdog;
  }

  /** Where clients of that front connect. Throws when there is none of that name. */
  port(name: string): number {
    const front = this.fronts.find((each) => each.name === name);
    if (front === undefined) throw new Error(`HAProxy has no front ${name}`);
    return front.port;
  }

  /** What is written down for whoever comes later. */
  get record(): EngineRecord {
    const { plan, pid, startedAt } = this.server;
    const { role, port, log } = plan;
    return {
      engine: 'haproxy',
      form: 'fronts',
      address: this.fronts.map((front) => `127.0.0.1:${front.port} (${front.name})`).join(', '),
      processes: [{ role, pid, port, log, startedAt: startedAt.toISOString() }],
    };
  }

  async ready(): Promise<void> {
    await untilServing(this.server, `http://127.0.0.1:${this.#healthPort}${HEALTH_PATH}`);
  }

  async stop(): Promise<void> {
    const temporary = this.#watchdog !== undefined;
    await (temporary ? this.server.kill() : this.server.stop());
    if (temporary) await rm(this.dataDirectory, { recursive: true, force: true });
    await this.#watchdog?.dismiss();
  }
}

async function assignPorts(
  wishes: readonly FrontWish[],
): Promise<{ readonly fronts: readonly Front[]; readonly healthPort: number }> {
  const [healthPort = 0, ...ports] = await freePorts(wishes.length + 1);
  const fronts = wishes.map((wish, index) => ({ ...wish, port: wish.port ?? ports[index] ?? 0 }));
  for (const { port } of fronts) {
    if (!(await isFree(port)))
      throw new EngineError(
        `Port ${port} of 127.0.0.1 is in use. Name another one, or stop what listens there.`,
      );
  }
  return { fronts, healthPort };
}

async function preparedDirectory(dataDirectory: string | undefined): Promise<string> {
  const directory = dataDirectory ?? (await mkdtemp(join(tmpdir(), 'spoke-haproxy-')));
  if (dataDirectory !== undefined) await claimDataDirectory(directory, 'haproxy', 'fronts');
  await mkdir(directory, { recursive: true });
  return realDirectory(directory);
}
