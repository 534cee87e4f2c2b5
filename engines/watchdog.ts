/**
 * Ends the servers of a test, and removes their data, when the test's own process dies, however it dies. It is a shell
 * whose standard input is a pipe from this process: the pipe's end is the signal.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Socket } from 'node:net';

/** Every line of input replaces the list of process ids to kill. */
const SCRIPT =
  'pids=; while read -r line; do pids=$line; done; [ -z "$pids" ] || kill -KILL $pids; [ -z "$1" ] || rm -rf "$1"';

/** What runs as the watchdog of `directory`, to be given a pipe as standard input. */
export function watchdogCommand(directory: string | undefined): {
  readonly command: string;
  readonly args: readonly string[];
} {
  return { command: 'sh', args: ['-c', SCRIPT, 'engine-watchdog', directory ?? ''] };
}

export class Watchdog {
  readonly #shell: ChildProcess;
  readonly #pids = new Set<number>();

  /** `directory` is removed with the processes; nothing else is. Undefined: the data are to be kept. */
  constructor(directory: string | undefined) {
    // A process group of its own: what ends the test with a signal to its group must not end the watchdog first.
    const { command, args } = watchdogCommand(directory);
    this.#shell = spawn(command, args, {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    });
    this.#shell.unref();
    // Neither the shell nor the pipe keeps this process alive.
    const pipe = this.#shell.stdin;
    if (pipe instanceof Socket) pipe.unref();
    // It was killed first: then nothing is left to be told.
    pipe?.on('error', () => undefined);
  }

  watch(pid: number): void {
    this.#pids.add(pid);
    this.#tell();
  }

  forget(pid: number): void {
    this.#pids.delete(pid);
    this.#tell();
  }

  /** The servers have ended, and the data are gone or to be kept: nothing is left to watch. */
  async dismiss(): Promise<void> {
    const gone = once(this.#shell, 'exit');
    // Or a process with nothing else to wait for would end here.
    this.#shell.ref();
    if (this.#shell.kill('SIGKILL')) await gone;
  }

  #tell(): void {
    this.#shell.stdin?.write(`${[...this.#pids].join(' ')}\n`);
  }
}
