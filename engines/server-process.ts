/**
 * One server process that can be started, paused, killed and started again on the same port and data. It writes its output
 * to one log file, and tells the last lines of it when it ends unasked.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { once } from 'node:events';
import { EngineError } from './engine.ts';
import type { Watchdog } from './watchdog.ts';

export interface ServerPlan {
  /** What it is called in messages, such as `region server 2`. */
  readonly role: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Where it listens on 127.0.0.1. */
  readonly port: number;
  readonly log: string;
  /** Absent: that of this process. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** Told that a process has ended: with which signal or exit code, in words. */
export type EndListener = (how: string) => void;

const LOG_LINES = 25;
const TERMINATE_MS_MAX = 45_000;

export class ServerProcess {
  readonly plan: ServerPlan;
  readonly #watchdog: Watchdog | undefined;
  #child: ChildProcess | undefined;
  #startedAt = new Date(0);
  #onEnd: EndListener = () => undefined;

  /** Without a watchdog the process outlives this one. */
  constructor(plan: ServerPlan, watchdog?: Watchdog) {
    this.plan = plan;
    this.#watchdog = watchdog;
  }

  get port(): number {
    return this.plan.port;
  }

  get startedAt(): Date {
    return this.#startedAt;
  }

  /** Of the latest start. Throws when it was never started. */
  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error(`${this.plan.role} has not been started`);
    return pid;
  }

  get isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** `listener` is called each time the process ends, whoever ended it, instead of who was called before. */
  onEnd(listener: EndListener): void {
    this.#onEnd = listener;
  }

  /** Resolves when the process exists; not when it is ready. */
  async start(): Promise<void> {
    if (this.isRunning) throw new Error(`${this.plan.role} is running already, as process ${this.pid}`);
    const log = openSync(this.plan.log, 'a');
    try {
      const child = spawn(this.plan.command, this.plan.args, {
        stdio: ['ignore', log, log],
        detached: true,
        ...(this.plan.environment === undefined ? {} : { env: this.plan.environment }),
      });
      await once(child, 'spawn');
      child.unref();
      this.#child = child;
      this.#startedAt = new Date();
      const { pid } = this;
      this.#watchdog?.watch(pid);
      child.once('exit', () => {
        this.#watchdog?.forget(pid);
        this.#onEnd(this.#howItEnded());
      });
    } finally {
      closeSync(log);
    }
  }

  /** Throws with the end of the log when the process has ended by itself. */
  assertRunning(): void {
    if (this.isRunning) return;
    throw new EngineError(
      `${this.plan.role} ended with ${this.#howItEnded()}. The end of its log, ${this.plan.log}:\n${lastLines(this.plan.log)}`,
    );
  }

  signal(signal: NodeJS.Signals): void {
    if (!this.isRunning) throw new Error(`${this.plan.role} is not running: it cannot get ${signal}`);
    process.kill(this.pid, signal);
  }

  /** Stops it from running without telling anybody: its connections stay open and nothing answers. */
  pause(): void {
    this.signal('SIGSTOP');
  }

  resume(): void {
    this.signal('SIGCONT');
  }

  /** As a crash: resolves when the process is gone. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** As an orderly stop; SIGKILL when that takes too long. Resolves when the process is gone. */
  async stop(): Promise<void> {
    if (!this.isRunning) return;
    const giveUp = setTimeout(() => this.#child?.kill('SIGKILL'), TERMINATE_MS_MAX);
    try {
      // One that is paused would not hear it.
      this.resume();
      await this.#end('SIGTERM');
    } finally {
      clearTimeout(giveUp);
    }
  }

  #howItEnded(): string {
    return this.#child?.signalCode ?? `exit code ${this.#child?.exitCode ?? 'unknown'}`;
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === undefined || !this.isRunning) return;
    const gone = once(child, 'exit');
    child.ref();
    child.kill(signal);
    await gone;
  }
}

function lastLines(file: string): string {
  return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-LOG_LINES).join('\n');
}
