/**
 * A broker as a child process that can be killed and started again on the same data and the same port.
 * It counts as ready when it accepts a connection: a broker must not listen before it knows its sessions.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface BrokerChildOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly host: string;
  readonly port: number;
  /** Gets what the broker prints, appended over all its runs. */
  readonly logFile: string;
}

/** The broker did not start, or ended although nobody killed it; the message says where its log is. */
export class BrokerChildError extends Error {
  override readonly name = 'BrokerChildError';
}

const READY_DEADLINE_MS = 30_000;
const READY_POLL_MS = 5;
const STOP_DEADLINE_MS = 15_000;

export class BrokerChild {
  readonly #options: BrokerChildOptions;
  #process: ChildProcess | undefined;
  #exited: Promise<void> = Promise.resolve();
  #killing = false;
  #crash: BrokerChildError | undefined;

  constructor(options: BrokerChildOptions) {
    this.#options = options;
  }

  /** Why the broker ended by itself; undefined while it never did. */
  get crash(): BrokerChildError | undefined {
    return this.#crash;
  }

  get processId(): number | undefined {
    return this.#process?.pid;
  }

  /** Resolves with the milliseconds from spawn to ready. @throws BrokerChildError */
  async start(): Promise<number> {
    const startedMs = performance.now();
    const child = this.#spawn();
    if (child.pid === undefined) throw this.#error(`${this.#options.command} could not be started`);
    while (!(await accepts(this.#options.host, this.#options.port))) {
      if (child.exitCode !== null || child.signalCode !== null) {
        throw this.#error(`the broker ended with ${howItEnded(child)} before it was ready`);
      }
      if (performance.now() - startedMs > READY_DEADLINE_MS) {
        throw this.#error(`the broker was not ready within ${READY_DEADLINE_MS / 1000} s`);
      }
      await sleep(READY_POLL_MS);
    }
    return performance.now() - startedMs;
  }

  /** SIGKILL: the process gets no chance to write anything. Resolves when it is gone. */
  async kill(): Promise<void> {
    this.#killing = true;
    this.#process?.kill('SIGKILL');
    await this.#exited;
  }

  /** SIGTERM, and SIGKILL after a deadline. false: it had to be killed. */
  async stop(): Promise<boolean> {
    this.#killing = true;
    this.#process?.kill('SIGTERM');
    const deadline = new AbortController();
    const late = sleep(STOP_DEADLINE_MS, false, { signal: deadline.signal }).catch(() => false);
    const inTime = await Promise.race([this.#exited.then(() => true), late]);
    deadline.abort();
    if (!inTime) await this.kill();
    return inTime;
  }

  #spawn(): ChildProcess {
    const { command, args, environment, logFile } = this.#options;
    const log = openSync(logFile, 'a');
    const child = spawn(command, args, { env: environment, stdio: ['ignore', log, log] });
    closeSync(log);
    // Nothing outlives this process, whatever ends it in an orderly way.
    const reap = () => child.kill('SIGKILL');
    process.once('exit', reap);
    this.#killing = false;
    this.#process = child;
    this.#exited = new Promise((resolve) => {
      // The command could not be started, which `start` has noticed already.
      child.once('error', () => {
        resolve();
      });
      child.once('exit', () => {
        process.off('exit', reap);
        if (!this.#killing)
          this.#crash ??= this.#error(`the broker ended by itself with ${howItEnded(child)}`);
        resolve();
      });
    });
    return child;
  }

  #error(what: string): BrokerChildError {
    return new BrokerChildError(`${what}: look into its log ${this.#options.logFile}`);
  }
}

function howItEnded(child: ChildProcess): string {
  return child.signalCode ?? `exit code ${child.exitCode}`;
}

/** Whether something listens there. */
export async function accepts(host: string, port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect({ host, port });
    const answer = (open: boolean) => {
      socket.destroy();
      resolve(open);
    };
    socket.once('connect', () => {
      answer(true);
    });
    socket.once('error', () => {
      answer(false);
    });
  });
}

/**
 * Below the ports that systems hand to outgoing connections: while the broker is dead, a client that dials an
 * ephemeral port may be given that very port as its own and end up connected to itself.
 */
const PORT_MIN = 20_000;
const PORT_MAX = 29_999;
const PORT_ATTEMPTS = 50;

/** A port on `host` that nothing listens on now. `random`: uniform in [0, 1). */
export async function freePort(host: string, random: () => number): Promise<number> {
  for (let attempt = 0; attempt < PORT_ATTEMPTS; attempt++) {
    const port = PORT_MIN + Math.floor(random() * (PORT_MAX - PORT_MIN + 1));
    if (await isFree(host, port)) return port;
  }
  throw new BrokerChildError(
    `no free port on ${host} among ${PORT_ATTEMPTS} tried between ${PORT_MIN} and ${PORT_MAX}: ` +
      'close what listens there',
  );
}

async function isFree(host: string, port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => {
      resolve(false);
    });
    server.listen({ host, port }, () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}
