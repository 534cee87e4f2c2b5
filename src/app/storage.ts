/** The tables outside of the data directory, for the commands that make, check and empty them. */
import { queueTableName } from '../adapters/hbase/tables/queue-table.ts';
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
  /** `namespace:table`. */
  readonly table: string;
  /** One line per thing that is not as it should be. */
  check(): Promise<readonly string[]>;
  /** As `check`, after everything was made or changed that can be. */
  apply(): Promise<readonly string[]>;
  /** Empties the table; whose it was, undefined: nobody's. */
  reset(): Promise<string | undefined>;
  close(): void;
}

/** Rejects with `HBaseError` when the cluster cannot be found. */
export async function openStorage(
  config: SpokeConfig['hbase'],
  progress: (line: string) => void,
): Promise<Storage> {
  const { namespace, messageTtlS, inMemoryCompaction, coprocessorJar } = config;
  const operationTimeoutMs = Math.max(OPERATION_TIMEOUT_MS, config.operationTimeoutMs);
  const client = await connectHBase({ ...config, operationTimeoutMs });
  try {
    await client.locate(META_TABLE, Buffer.alloc(0), { timeoutMs: REACH_TIMEOUT_MS });
  } catch (error) {
    client.close();
    throw error;
  }
  const table = queueTableName(namespace);
  const admin = new StorageAdmin({
    namespace,
    messageTtlS,
    inMemoryCompaction,
    coprocessorJar,
    client,
    timers: new SystemTimers(),
    progress,
  });
  return {
    table,
    check: () => admin.check(),
    apply: () => admin.apply(),
    reset: () => resetTable(client, table),
    close: () => {
      client.close();
    },
  };
}
