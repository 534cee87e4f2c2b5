/** The snapshot contract over a real HBase, each test with tables of its own. */
import { afterAll, beforeAll, inject } from 'vitest';
import type { HBaseClient } from '../../src/adapters/hbase/client/hbase-client.ts';
import { openHBaseSnapshotStore } from '../../src/adapters/hbase/snapshot/hbase-snapshot-store.ts';
import { connectHBase } from '../support/hbase-queues.ts';
import { newNamespace, PARTITIONS } from '../support/hbase-snapshots.ts';
import { snapshotStoreContract } from './snapshot-store-contract.ts';

let client: HBaseClient;
beforeAll(async () => {
  client = await connectHBase(inject('zookeeperQuorum'));
});
afterAll(() => {
  client.close();
});

snapshotStoreContract('HBase', async () => {
  const namespace = await newNamespace(client, 'sessions', 'checkpoints');
  return {
    open: () => openHBaseSnapshotStore({ client, namespace, topic: 'sessions', partitionCount: PARTITIONS }),
    durable: true,
    dispose: () => Promise.resolve(),
  };
});
