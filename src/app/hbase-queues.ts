/** Queues in HBase: connects, makes sure that the table is there, ours and served by the right endpoint, and opens the store. */
import { HBaseClient } from '../adapters/hbase/client/hbase-client.ts';
import { HBaseError } from '../adapters/hbase/client/hbase-error.ts';
import { openHBaseQueueStore } from '../adapters/hbase/queue/hbase-queue-store.ts';
import { endpointProblem } from '../adapters/hbase/tables/loaded-endpoint.ts';
import { queueTableName } from '../adapters/hbase/tables/queue-table.ts';
import { claimTable } from '../adapters/hbase/tables/table-owner.ts';
import { StoreUnavailableError } from '../errors/store-unavailable-error.ts';
import { SystemTimers } from '../transport/system-time.ts';
import type { QueueQuotaOf } from './broker-stores.ts';
import type { SpokeConfig } from './config-schema.ts';
import { hbaseGauges } from './hbase-gauges.ts';
import type { QueueStore } from './queue-store.ts';

const FIRST_REGION = Buffer.alloc(0);

export function connectHBase(config: SpokeConfig['hbase']): Promise<HBaseClient> {
  const { zookeeperQuorum, znodeParent, effectiveUser } = config;
  const { operationTimeoutMs, attemptTimeoutMs, connectTimeoutMs } = config;
  return HBaseClient.connect({
    zookeeperQuorum,
    znodeParent,
    effectiveUser,
    operationTimeoutMs,
    attemptTimeoutMs,
    connectTimeoutMs,
    timers: new SystemTimers(),
  });
}

/**
 * `owner`: the data directory or event log that knows the sessions. The client stays open when the store is closed. Rejects with an
 * error that says what to do. Without `quotaOf` every queue has the quota that is configured.
 */
export async function openQueuesInHBase(
  client: HBaseClient,
  config: Pick<SpokeConfig, 'hbase' | 'limits'>,
  owner: string,
  nowMs: () => number,
  quotaOf?: QueueQuotaOf,
): Promise<QueueStore> {
  const table = queueTableName(config.hbase.namespace);
  await assertServed(client, table);
  await claimTable(client, table, owner);
  const store = await openHBaseQueueStore({
    client,
    table,
    defaultQuota: config.limits.durableQueue,
    quotaOf,
    nowMs,
    appendCallsMax: config.hbase.appendCallsMax,
    patienceMs: config.limits.storeTimeoutMs,
  });
  return {
    store,
    gauges: hbaseGauges(client.stats, () => store.unsyncedBytes),
    close: () => store.close(),
  };
}

/** As `openQueuesInHBase`, with a client of their own. */
export async function connectQueuesInHBase(
  config: Pick<SpokeConfig, 'hbase' | 'limits'>,
  owner: string,
  nowMs: () => number,
  quotaOf: QueueQuotaOf,
): Promise<QueueStore> {
  const client = await connectHBase(config.hbase);
  try {
    const queues = await openQueuesInHBase(client, config, owner, nowMs, quotaOf);
    const close = async (): Promise<void> => {
      await queues.close();
      client.close();
    };
    return { ...queues, close };
  } catch (error) {
    client.close();
    throw error;
  }
}

/** One region answers for all: `spoke storage check` asks each of them. */
async function assertServed(client: HBaseClient, table: string): Promise<void> {
  const problem = await endpointProblem(client, table, FIRST_REGION).catch((error: unknown) => {
    if (!(error instanceof HBaseError)) throw error;
    if (error.code === 'TABLE_NOT_FOUND') return 'does not exist';
    throw new StoreUnavailableError(`HBase table ${table}`, error.message, { cause: error });
  });
  if (problem !== undefined)
    throw new StoreUnavailableError(`HBase table ${table}`, `it ${problem}; run "spoke storage apply"`);
}
