/**
 * A real HBase that is measured: started for a scenario, with one table of queues in it that is made anew for every row of the
 * results, so that each starts from the same state.
 */
import { fileURLToPath } from 'node:url';
import { HBaseEngine, type HBaseOptions } from '../../engines/hbase/hbase-engine.ts';
import { HBaseClient } from '../../src/adapters/hbase/client/hbase-client.ts';
import type { DurableQueueStore } from '../../src/queue/durable-queue.ts';
import { SystemTimers } from '../../src/transport/system-time.ts';
import { openBenchStore } from './bench-store.ts';
import type { StoreLoad } from './load/load-plan.ts';
import { type MeasuredLoad, runLoad } from './load-process.ts';
import { queueTableSplits } from '../../src/adapters/hbase/tables/queue-table.ts';
import { benchTable, NAMESPACE, TABLE, type TableLayout } from './queue-table.ts';
import type { RawClient, RawLoad } from './raw-client.ts';

const LOAD_MAIN = fileURLToPath(new URL('load/main.js', import.meta.url));

/** Distributes over unions, which `Omit` does not. */
type Unplaced<Load> = Load extends unknown ? Omit<Load, 'zookeeperQuorum' | 'table'> : never;

export class MeasuredHBase {
  readonly client: HBaseClient;
  readonly #engine: HBaseEngine;
  readonly #raw: RawClient;
  readonly #nodeArgs: readonly string[];

  static async start(
    options: HBaseOptions,
    raw: RawClient,
    nodeArgs: readonly string[],
  ): Promise<MeasuredHBase> {
    const engine = await HBaseEngine.start(options);
    const client = await HBaseClient.connect({
      zookeeperQuorum: engine.zookeeperQuorum,
      timers: new SystemTimers(),
    });
    return new MeasuredHBase(engine, client, raw, nodeArgs);
  }

  private constructor(engine: HBaseEngine, client: HBaseClient, raw: RawClient, nodeArgs: readonly string[]) {
    this.client = client;
    this.#engine = engine;
    this.#raw = raw;
    this.#nodeArgs = nodeArgs;
  }

  get log(): string {
    return this.#engine.master.plan.log;
  }

  get pid(): number {
    return this.#engine.master.pid;
  }

  /** Drops what the row before left behind, and makes the table anew. */
  async freshTable(layout: TableLayout): Promise<void> {
    const { master } = this.client;
    const descriptor = benchTable(layout);
    if (!(await master.namespaces()).includes(NAMESPACE)) await master.createNamespace(NAMESPACE);
    if ((await master.describeTable(TABLE)) !== undefined) {
      await master.disableTable(TABLE);
      await master.deleteTable(TABLE);
    }
    await master.createTable(descriptor, queueTableSplits());
  }

  rawAppends(load: Omit<RawLoad, 'zookeeperQuorum' | 'table'>): Promise<MeasuredLoad> {
    const { zookeeperQuorum } = this.#engine;
    return runLoad(this.#raw.appends({ ...load, zookeeperQuorum, table: TABLE }), this.pid);
  }

  storeLoad(load: Unplaced<StoreLoad>): Promise<MeasuredLoad> {
    const plan = { ...load, zookeeperQuorum: this.#engine.zookeeperQuorum, table: TABLE };
    const args = [...this.#nodeArgs, LOAD_MAIN, JSON.stringify(plan)];
    return runLoad({ command: process.execPath, args }, this.pid);
  }

  openStore(): Promise<DurableQueueStore> {
    return openBenchStore(this.client, TABLE);
  }

  /** Writes what the table has in memory to files. */
  async flush(): Promise<void> {
    for await (const region of this.client.regions(TABLE)) await this.client.master.flushRegion(region);
  }

  async stop(): Promise<void> {
    this.client.close();
    await this.#engine.stop();
  }
}
