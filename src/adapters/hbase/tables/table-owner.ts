/**
 * Whose queues a table holds. What sessions exist is known in one place only, a data directory or an event log in Kafka, and queues of
 * sessions that are not known there are dropped: so a table belongs to one such place, and another one is refused instead of
 * emptying it.
 */
import type { HBaseClient } from '../client/hbase-client.ts';
import { cellValue } from '../client/row.ts';

/** Shorter than any queue's key. */
const ROW = Buffer.from('owner');
const FAMILY = 'q';
const QUALIFIER = 'o';

const EVENT_LOG = 'event log ';

/** As which brokers claim a table whose sessions are in Kafka. */
export function eventLogOwner(clusterId: string, topicPrefix: string): string {
  return `${EVENT_LOG}${topicPrefix} in Kafka ${clusterId}`;
}

/** For people. Data directories claim tables without saying what they are. */
function ownerText(owner: string): string {
  return `the ${owner.startsWith(EVENT_LOG) ? '' : 'data directory '}${owner}`;
}

/** The table belongs to another data directory or event log. */
export class TableOwnedError extends Error {
  override readonly name = 'TableOwnedError';
  readonly code = 'TABLE_OWNED';

  constructor(table: string, owner: string, claimant: string) {
    super(
      `HBase table ${table} belongs to ${ownerText(owner)}, and this is ${ownerText(claimant)}: use that one, or another ` +
        'hbase.namespace; if it is lost, "spoke storage reset" empties the table for the next one',
    );
  }
}

/**
 * Makes the table this owner's unless it is somebody's. Rejects with `TableOwnedError`, or `HBaseError`.
 */
export async function claimTable(client: HBaseClient, table: string, claimant: string): Promise<void> {
  const known = await ownerOf(client, table);
  if (known === undefined) {
    const cells = [{ family: FAMILY, qualifier: Buffer.from(QUALIFIER), value: Buffer.from(claimant) }];
    const mutations = [{ kind: 'put', row: ROW, cells }] as const;
    const [error] = await client.mutate({ table, mutations, idempotent: true });
    if (error !== undefined) throw error;
  }
  // Of two that claim at once the later one has it, and both see that.
  const owner = known ?? (await ownerOf(client, table)) ?? claimant;
  if (owner !== claimant) throw new TableOwnedError(table, owner, claimant);
}

/**
 * Empties the table, and it is nobody's; returns whose it was, for people. Queues without messages go too: they remember producers and positions
 * of sessions whose names another data directory gives again. Stop its brokers first.
 */
export async function resetTable(client: HBaseClient, table: string): Promise<string | undefined> {
  const owner = await ownerOf(client, table);
  await client.master.disableTable(table);
  await client.master.truncateTable(table);
  return owner && ownerText(owner);
}

async function ownerOf(client: HBaseClient, table: string): Promise<string | undefined> {
  const row = await client.get({ table, row: ROW, families: [FAMILY] });
  return row && cellValue(row, FAMILY, QUALIFIER)?.toString();
}
