/**
 * Argon2id in WebAssembly, on threads of its own: a hash takes tens of milliseconds that the event loop does not have. Threads start
 * with the first hash that needs them; so many and no more, the rest waits in turn.
 */
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import type { argon2id } from 'hash-wasm';
import type { Argon2idCost } from '../../auth/argon2id-hash.ts';

type Options = Parameters<typeof argon2id>[0];

interface Job {
  readonly options: Options;
  readonly resolve: (hash: Buffer) => void;
  readonly reject: (error: Error) => void;
}

type Answer = { readonly hash: Uint8Array } | { readonly problem: string };

/** Text, because a thread cannot be started from the TypeScript that tests run from. One hash at a time. */
const PROGRAM = `
const { parentPort, workerData } = require('node:worker_threads');
const { argon2id } = require(workerData.library);
parentPort.on('message', (options) => {
  argon2id(options).then(
    (hash) => parentPort.postMessage({ hash }),
    (error) => parentPort.postMessage({ problem: String(error) }),
  );
});
`;

export class Argon2Workers {
  readonly #threadsMax: number;
  readonly #idle: Worker[] = [];
  readonly #busy = new Map<Worker, Job>();
  readonly #waiting: Job[] = [];

  constructor(threadsMax: number) {
    this.#threadsMax = threadsMax;
  }

  /** See `DeriveArgon2id`. */
  readonly derive = (
    password: Buffer,
    salt: Buffer,
    { memoryKib, passes, lanes }: Argon2idCost,
    bytes: number,
  ): Promise<Buffer> =>
    new Promise((resolve, reject) => {
      const options: Options = {
        password,
        salt,
        memorySize: memoryKib,
        iterations: passes,
        parallelism: lanes,
        hashLength: bytes,
        outputType: 'binary',
      };
      this.#waiting.push({ options, resolve, reject });
      this.#next();
    });

  /** Nothing may be asked any more; what is under way is given up. */
  async close(): Promise<void> {
    const threads = [...this.#idle.splice(0), ...this.#busy.keys()];
    for (const { reject } of this.#waiting.splice(0)) reject(new Error('argon2: closed'));
    await Promise.all(threads.map((thread) => thread.terminate()));
  }

  #next(): void {
    if (this.#waiting.length === 0) return;
    const thread = this.#idle.pop() ?? (this.#busy.size < this.#threadsMax ? this.#start() : undefined);
    const job = thread === undefined ? undefined : this.#waiting.shift();
    if (thread === undefined || job === undefined) return;
    this.#busy.set(thread, job);
    thread.ref();
    thread.postMessage(job.options);
  }

  #start(): Worker {
    const library = createRequire(import.meta.url).resolve('hash-wasm');
    const thread = new Worker(PROGRAM, { eval: true, workerData: { library } });
    thread.on('message', (answer: Answer) => {
      const job = this.#take(thread);
      this.#idle.push(thread);
      // An idle thread keeps no process alive.
      thread.unref();
      if ('hash' in answer) job?.resolve(Buffer.from(answer.hash));
      else job?.reject(new Error(`argon2: ${answer.problem}`));
      this.#next();
    });
    thread.on('error', (cause) => {
      this.#take(thread)?.reject(new Error('argon2: its thread failed', { cause }));
    });
    thread.on('exit', () => {
      const place = this.#idle.indexOf(thread);
      if (place >= 0) this.#idle.splice(place, 1);
      this.#take(thread)?.reject(new Error('argon2: its thread ended'));
      this.#next();
    });
    return thread;
  }

  #take(thread: Worker): Job | undefined {
    const job = this.#busy.get(thread);
    this.#busy.delete(thread);
    return job;
  }
}
