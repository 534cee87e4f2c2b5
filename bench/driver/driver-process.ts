/**
 * The bench process's end of one driver: starts it on its own core and calls it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { constants, setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import { pinned } from '../machine/cpu-pinning.ts';
import type { CallName, DriverCalls, ReplyMessage } from './calls.ts';

interface PendingCall {
  readonly onReply: (message: ReplyMessage) => void;
  readonly reject: (error: Error) => void;
}

const WORKER = fileURLToPath(new URL('worker.js', import.meta.url));

export class DriverProcess {
  readonly #child: ChildProcess;
  readonly #pending = new Map<number, PendingCall>();
  #lastId = 0;

  /** `isBehind`: others come first where there are fewer cores than processes. */
  constructor(isBehind = false) {
    const { command, args } = pinned('driver', process.execPath, [WORKER]);
    this.#child = spawn(command, args, {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      serialization: 'advanced',
    });
    if (isBehind && this.#child.pid !== undefined)
      setPriority(this.#child.pid, constants.priority.PRIORITY_LOW);
    this.#child.on('message', (message: ReplyMessage) => {
      this.#settle(message);
    });
    this.#child.on('exit', (code) => {
      this.#rejectAll(new Error(`A driver process ended with code ${code ?? 'none'}`));
    });
  }

  async call<Name extends CallName>(
    name: Name,
    params: DriverCalls[Name]['params'],
  ): Promise<DriverCalls[Name]['result']> {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise<DriverCalls[Name]['result']>((resolve, reject) => {
      const onReply = (message: ReplyMessage): void => {
        // The reply to a call of this name; worker.ts is compiled from the same table of calls.
        if (message.ok) resolve(message.result);
        else reject(new Error(message.error));
      };
      this.#pending.set(id, { onReply, reject });
      this.#child.send({ id, name, params });
    });
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.disconnect();
    await exited;
  }

  #settle(message: ReplyMessage): void {
    const call = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    call?.onReply(message);
  }

  #rejectAll(error: Error): void {
    for (const call of this.#pending.values()) call.reject(error);
    this.#pending.clear();
  }
}
