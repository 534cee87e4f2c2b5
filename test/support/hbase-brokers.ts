/** Whole brokers with their queues in HBase: one table per test file, handed from one data directory to the next. */
import { afterAll, beforeAll, inject } from 'vitest';
import type { HBaseClient } from '../../src/adapters/hbase/client/hbase-client.ts';
import { resetTable } from '../../src/adapters/hbase/tables/table-owner.ts';
import { connectHBase, makeQueueTable } from './hbase-queues.ts';
import { startBrokersAt } from './running-broker.ts';

/** Call at the top of a test file, before anything that starts a broker. One broker at a time. */
export function startBrokersInHBase(namespace: string): void {
  let client: HBaseClient;
  let table: string;
  beforeAll(async () => {
    client = await connectHBase(inject('zookeeperQuorum'));
    table = await makeQueueTable(client, namespace);
  });
  afterAll(() => {
    client.close();
  });
  startBrokersAt(async () => {
    await resetTable(client, table);
    return {
      queues: { store: 'hbase' },
      hbase: { zookeeperQuorum: inject('zookeeperQuorum'), namespace },
    };
  });
}
