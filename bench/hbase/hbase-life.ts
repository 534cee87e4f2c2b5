/** One HBase at a time for the scenarios: kept as long as the next one wants the same, because a start takes many seconds. */
import type { HBaseOptions } from '../../engines/hbase/hbase-engine.ts';
import { MeasuredHBase } from './measured-hbase.ts';
import type { RawClient } from './raw-client.ts';

export type WantedHBase = Pick<HBaseOptions, 'walSync' | 'heapMb'>;

export class HBaseLife {
  readonly #raw: RawClient;
  readonly #nodeArgs: readonly string[];
  readonly #log: (line: string) => void;
  #running: { readonly wanted: string; readonly hbase: MeasuredHBase } | undefined;

  /** `nodeArgs`: for the processes that put load on it. */
  constructor(raw: RawClient, nodeArgs: readonly string[], log: (line: string) => void) {
    this.#raw = raw;
    this.#nodeArgs = nodeArgs;
    this.#log = log;
  }

  async get(options: WantedHBase): Promise<MeasuredHBase> {
    const wanted = JSON.stringify(options);
    if (this.#running?.wanted === wanted) return this.#running.hbase;
    await this.stop();
    this.#log(`starting HBase, ${wanted}`);
    const hbase = await MeasuredHBase.start(options, this.#raw, this.#nodeArgs);
    this.#running = { wanted, hbase };
    return hbase;
  }

  async stop(): Promise<void> {
    await this.#running?.hbase.stop();
    this.#running = undefined;
  }
}
