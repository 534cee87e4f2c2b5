/**
 * The durable queue contract over a real HBase. `kill` destroys the sockets of the broker; `cutPower` also closes and opens the regions,
 * once per test because that takes a second, so that nothing which a server remembered can help. HBase itself is
 * killed in `test/faults`.
 */
import { afterAll, beforeAll, inject } from 'vitest';
import type { HBaseClient } from '../../src/adapters/hbase/client/hbase-client.ts';
import { connectHBase, emptyTable, makeQueueTable, openTestStore } from '../support/hbase-queues.ts';
import { describeDurableQueue, GENEROUS } from './durable-queue-contract.ts';

/** More than any test uses. */
const SESSIONS_PER_TEST = 100_000;
/** Random ones: each takes seconds here. The image of HBase gets one, see vitest.config.ts. */
const HISTORIES = Number(process.env['SPOKE_HBASE_HISTORIES'] ?? 8);

let admin: HBaseClient;
let table: string;
let tests = 0;

beforeAll(async () => {
  admin = await connectHBase(inject('zookeeperQuorum'));
  table = await makeQueueTable(admin, 'contract');
});
afterAll(() => {
  admin.close();
});

describeDurableQueue(
  'HBase',
  () => {
    const firstSession = ++tests * SESSIONS_PER_TEST;
    let client: HBaseClient | undefined;
    let isFirst = true;
    let reopensLeft = 1;
    let reopens = Promise.resolve();
    return {
      survives: true,
      async open(options) {
        await reopens;
        if (isFirst) await emptyTable(admin, table, GENEROUS);
        isFirst = false;
        client = await connectHBase(inject('zookeeperQuorum'));
        return openTestStore(client, { table, firstSession, ...options });
      },
      kill() {
        client?.close();
      },
      cutPower() {
        client?.close();
        if (reopensLeft-- > 0) reopens = reopen();
      },
    };
  },
  HISTORIES,
);

async function reopen(): Promise<void> {
  await admin.master.disableTable(table);
  await admin.master.enableTable(table);
}
