/**
 * Whose queues a table holds. What sessions exist is known in one data directory only, and a broker drops the queues of sessions
 * that it does not know: so a table belongs to one data directory, and a second one is refused instead of emptying it.
 */
import type { HBaseClient } from '../client/hbase-client.ts';
import { cellValue } from '../client/row.ts';

/** Shorter than any queue's key. */
const ROW = Buffer.from('owner');
const FAMILY = 'q';
const QUALIFIER = 'o';

/** The table belongs to another data directory. */
export class TableOwnedError extends Error {
  override readonly name = 'TableOwnedError';
  readonly code = 'TABLE_OWNED';

  constructor(table: string, owner: string, claimant: string) {
    super(
      `HBase table ${table} belongs to the data directory ${owner}, and this one is ${claimant}: use that directory, or another ` +
        'hbase.namespace; if it is lost, "spoke storage release" gives the table, without its old queues, to the next broker',
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
    await write(client, table, { kind: 'put', row: ROW, cells });
  }
  // Of two that claim at once the later one has it, and both see that.
  const owner = known ?? (await ownerOf(client, table)) ?? claimant;
  if (owner !== claimant) throw new TableOwnedError(table, owner, claimant);
}

/** Nobody's from now on; returns whose it was. Stop that broker first. */
export async function releaseTable(client: HBaseClient, table: string): Promise<string | undefined> {
  const owner = await ownerOf(client, table);
  if (owner !== undefined) await write(client, table, { kind: 'delete', row: ROW, families: [FAMILY] });
  return owner;
}

async function ownerOf(client: HBaseClient, table: string): Promise<string | undefined> {
  const row = await client.get({ table, row: ROW, families: [FAMILY] });
  return row && cellValue(row, FAMILY, QUALIFIER)?.toString();
}

async function write(
  client: HBaseClient,
  table: string,
  mutation: Parameters<HBaseClient['mutate']>[0]['mutations'][number],
): Promise<void> {
  const [error] = await client.mutate({ table, mutations: [mutation], idempotent: true });
  if (error !== undefined) throw error;
}
