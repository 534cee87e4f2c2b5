/** One HBase at a time for the scenarios: kept as long as the next one wants the same, because a start takes many seconds. */
import type { HBaseOptions } from '../../engines/hbase/hbase-engine.ts';
import { MeasuredHBase } from './measured-hbase.ts';
import type { RawClient } from './raw-client.ts';

/** A fresh JVM spends most of a core compiling: so long each kind of load runs before the first row. */
const WARM_UP_MS = 30_000;
const QUEUES = 1000;

export type WantedHBase = Pick<HBaseOptions, 'walSync' | 'heapMb'>;

export class HBaseLife {
  readonly #raw: RawClient;
  readonly #nodeArgs: readonly string[];
  readonly #log: (line: string) => void;
  readonly #isWarmedUp: boolean;
  #running: { readonly wanted: string; readonly hbase: MeasuredHBase } | undefined;

  /** `nodeArgs`: for the processes that put load on it. */
  constructor(raw: RawClient, nodeArgs: readonly string[], isWarmedUp: boolean, log: (line: string) => void) {
    this.#raw = raw;
    this.#nodeArgs = nodeArgs;
    this.#isWarmedUp = isWarmedUp;
    this.#log = log;
  }

  async get(options: WantedHBase): Promise<MeasuredHBase> {
    const wanted = JSON.stringify(options);
    if (this.#running?.wanted === wanted) return this.#running.hbase;
    await this.stop();
    this.#log(`starting HBase, ${wanted}`);
    const hbase = await MeasuredHBase.start(options, this.#raw, this.#nodeArgs);
    this.#running = { wanted, hbase };
    if (this.#isWarmedUp) await warmUp(hbase);
    return hbase;
  }

  async stop(): Promise<void> {
    await this.#running?.hbase.stop();
    this.#running = undefined;
  }
}

async function warmUp(hbase: MeasuredHBase): Promise<void> {
  const load = { queues: QUEUES, warmUpMs: 0, windowMs: WARM_UP_MS };
  await hbase.freshTable({ hasEndpoint: true, inMemoryCompaction: 'BASIC' });
  await hbase.storeLoad({ ...load, kind: 'publishers' });
  await hbase.freshTable({ hasEndpoint: false, inMemoryCompaction: 'BASIC' });
  await hbase.rawAppends({ ...load, way: 'region', rowsPerCall: 500, threads: 4 });
}
