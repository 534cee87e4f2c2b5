/**
 * The life of a message in each store: appended to one of many queues in synced groups, read once or never,
 * removed. Prints a Markdown table. `node store-life.js [--messages 200000] [--queues 10000] [--group 256]`
 */
import { randomFillSync } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { OpenSubject, StoredPosition, StoreSubject } from './store-subject.ts';
import { SUBJECTS } from './subjects.ts';

const PAYLOAD_BYTES = 1024;
/** Payloads differ by where in this they begin, so that nothing compresses and nothing has to be generated. */
const ENTROPY_BYTES = 64 * 1024 * 1024;
/** One message in this many is read back before it is removed. */
const READ_EVERY = 2;

interface Life {
  readonly messages: number;
  readonly queues: number;
  readonly group: number;
}

interface Cost {
  readonly perSecond: number;
  /** Of the whole process, threads of the store included. */
  readonly cpuUs: number;
  /** Of the thread that runs JavaScript. */
  readonly mainUs: number;
}

interface Measured {
  readonly append: Cost;
  readonly read: Cost;
  readonly remove: Cost;
  readonly diskBytes: number;
}

const entropy = Buffer.allocUnsafe(ENTROPY_BYTES);

function payload(): Buffer {
  const start = Math.floor(Math.random() * (ENTROPY_BYTES - PAYLOAD_BYTES));
  return entropy.subarray(start, start + PAYLOAD_BYTES);
}

function mainThreadUs(): number {
  const [onCpuNs] = readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'latin1').split(' ');
  return Number(onCpuNs) / 1000;
}

async function cost(operations: number, run: () => Promise<void>): Promise<Cost> {
  const startMs = performance.now();
  const cpu = process.cpuUsage();
  const main = mainThreadUs();
  await run();
  const { user, system } = process.cpuUsage(cpu);
  return {
    perSecond: operations / ((performance.now() - startMs) / 1000),
    cpuUs: (user + system) / operations,
    mainUs: (mainThreadUs() - main) / operations,
  };
}

/** Where the messages went, in order; numbers in one piece, so that the collector has nothing to do with them. */
class Positions {
  readonly #queues: Uint32Array;
  readonly #seqs: Float64Array;
  #count = 0;

  constructor(messages: number) {
    this.#queues = new Uint32Array(messages);
    this.#seqs = new Float64Array(messages);
  }

  add(positions: readonly StoredPosition[]): void {
    for (const { queue, seq } of positions) {
      this.#queues[this.#count] = queue;
      this.#seqs[this.#count++] = seq;
    }
  }

  slice(start: number, count: number, every: number): StoredPosition[] {
    const positions: StoredPosition[] = [];
    for (let index = start; index < Math.min(this.#count, start + count); index += every) {
      positions.push({ queue: this.#queues[index] ?? 0, seq: this.#seqs[index] ?? 0 });
    }
    return positions;
  }
}

async function measure(store: StoreSubject, life: Life, directory: string): Promise<Measured> {
  const positions = new Positions(life.messages + life.group);
  const append = await cost(life.messages, async () => {
    for (let done = 0; done < life.messages; done += life.group) {
      const queues = Array.from({ length: life.group }, () => 1 + Math.floor(Math.random() * life.queues));
      positions.add(await store.append(queues, payload));
    }
  });
  const diskBytes = directoryBytes(directory);
  const read = await cost(life.messages / READ_EVERY, async () => {
    for (let start = 0; start < life.messages; start += life.group) {
      await Promise.all(
        positions.slice(start, life.group, READ_EVERY).map((position) => store.read(position)),
      );
    }
  });
  const remove = await cost(life.messages, async () => {
    for (let start = 0; start < life.messages; start += life.group) {
      await store.remove(positions.slice(start, life.group, 1));
    }
  });
  return { append, read, remove, diskBytes };
}

async function row(name: string, openSubject: OpenSubject, life: Life): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'spoke-store-life-'));
  try {
    const store = await openSubject(directory).catch((error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND')
        return undefined;
      throw error;
    });
    if (store === undefined) return `| ${name} | not installed |`;
    const { append, read, remove, diskBytes } = await measure(store, life, directory);
    await store.close();
    const perMessage = diskBytes / life.messages;
    return `| ${name} | ${costCells(append)} | ${costCells(read)} | ${costCells(remove)} | ${perMessage.toFixed(0)} |`;
  } finally {
    await rm(directory, { recursive: true });
  }
}

function costCells({ perSecond, cpuUs, mainUs }: Cost): string {
  return `${Math.round(perSecond)} | ${cpuUs.toFixed(1)} (${mainUs.toFixed(1)})`;
}

function directoryBytes(directory: string): number {
  let bytes = 0;
  for (const name of readdirSync(directory)) {
    const stats = statSync(path.join(directory, name));
    bytes += stats.isDirectory() ? directoryBytes(path.join(directory, name)) : stats.blocks * 512;
  }
  return bytes;
}

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '200000' },
    queues: { type: 'string', default: '10000' },
    group: { type: 'string', default: '256' },
    only: { type: 'string' },
  },
});
const life: Life = {
  messages: Number(values.messages),
  queues: Number(values.queues),
  group: Number(values.group),
};
randomFillSync(entropy);
process.stdout.write(
  '| store | appends/s | µs CPU (main thread) | reads/s | µs CPU | removes/s | µs CPU | disk bytes per message |\n' +
    '| --- | --- | --- | --- | --- | --- | --- | --- |\n',
);
for (const [name, openSubject] of SUBJECTS) {
  if (values.only === undefined || values.only === name) {
    process.stdout.write(`${await row(name, openSubject, life)}\n`);
  }
}
