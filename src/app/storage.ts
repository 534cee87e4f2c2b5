/** The tables outside of the data directory, for the commands that make, check and empty them. */
import { endpointProblems } from '../adapters/hbase/tables/loaded-endpoint.ts';
import { queueTable, queueTableSplits } from '../adapters/hbase/tables/queue-table.ts';
import { resetSnapshots } from '../adapters/hbase/tables/snapshot-reset.ts';
import { snapshotTables } from '../adapters/hbase/tables/snapshot-tables.ts';
import { StorageAdmin } from '../adapters/hbase/tables/storage-admin.ts';
import { resetTable } from '../adapters/hbase/tables/table-owner.ts';
import { SystemTimers } from '../transport/system-time.ts';
import type { SpokeConfig } from './config-schema.ts';
import { connectHBase } from './hbase-queues.ts';

/** Regions that were just changed take a while to open again, and nobody waits for a publisher here. */
const OPERATION_TIMEOUT_MS = 30_000;
/** For the first sign of the cluster. Changes of tables have minutes, but not before anybody answers. */
const REACH_TIMEOUT_MS = 10_000;
const META_TABLE = 'hbase:meta';

export interface Storage {
  /** Every one of them, `namespace:table`. */
  readonly tables: readonly string[];
  /** The one with the queues. */
  readonly queueTable: string;
  /** One line per thing that is not as it should be. */
  check(): Promise<readonly string[]>;
  /** As `check`, after everything was made or changed that can be. */
  apply(): Promise<readonly string[]>;
  /** Empties the table of queues; whose it was, undefined: nobody's. */
  resetQueues(): Promise<string | undefined>;
  /** Empties what was folded from the log; see `snapshot-reset.ts` for what must not run meanwhile. */
  resetSnapshots(): Promise<void>;
  close(): void;
}

/**
 * `logPartitions`: of the event log in Kafka, whose snapshots are in HBase; left out: the log is in the data directory, and its snapshots
 * are too. Rejects with `HBaseError` when the cluster cannot be found.
 */
export async function openStorage(
  config: SpokeConfig['hbase'],
  progress: (line: string) => void,
  logPartitions?: number,
): Promise<Storage> {
  const { namespace } = config;
  const operationTimeoutMs = Math.max(OPERATION_TIMEOUT_MS, config.operationTimeoutMs);
  const client = await connectHBase({ ...config, operationTimeoutMs });
  try {
    await client.locate(META_TABLE, Buffer.alloc(0), { timeoutMs: REACH_TIMEOUT_MS });
  } catch (error) {
    client.close();
    throw error;
  }
  const queues = {
    descriptor: queueTable(config),
    splits: queueTableSplits(),
    regionProblems: endpointProblems,
  };
  const snapshots = logPartitions === undefined ? [] : snapshotTables(namespace, logPartitions);
  const tables = [queues, ...snapshots];
  const admin = new StorageAdmin({ namespace, tables, client, timers: new SystemTimers(), progress });
  return {
    tables: tables.map(({ descriptor }) => descriptor.name),
    queueTable: queues.descriptor.name,
    check: () => admin.check(),
    apply: () => admin.apply(),
    resetQueues: () => resetTable(client, queues.descriptor.name),
    resetSnapshots: () => resetSnapshots(client, namespace),
    close: () => {
      client.close();
    },
  };
}
