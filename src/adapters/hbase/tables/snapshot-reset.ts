/** Forgets what was folded from the log, so that it is folded again from its beginning. */
import type { HBaseClient } from '../client/hbase-client.ts';
import { checkpointTableName, snapshotTableName } from './snapshot-tables.ts';

/**
 * Empties checkpoints, sessions and retained messages, in this order: a checkpoint without the rows that it promises would lose them for
 * good. Counters stay, or numbers that the log knows would be given again. No broker and no metadata service may run meanwhile: it
 * would go on behind the checkpoint that it remembers. May be repeated when it was interrupted. Rejects with `HBaseError`.
 */
export async function resetSnapshots(client: HBaseClient, namespace: string): Promise<void> {
  const tables = [
    checkpointTableName(namespace),
    snapshotTableName(namespace, 'sessions'),
    snapshotTableName(namespace, 'retained'),
  ];
  for (const table of tables) {
    if ((await client.master.tableState(table)) === 'enabled') await client.master.disableTable(table);
    await client.master.truncateTable(table);
  }
}
