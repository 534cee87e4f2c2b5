/** Numbers that are given once and never again: counters that HBase itself adds to, whoever asks and however often. */
import type { HBaseClient } from '../client/hbase-client.ts';
import { counterTableName } from '../tables/snapshot-tables.ts';
import { tableUnavailable } from '../tables/table-unavailable.ts';
import { COUNTER_FAMILY, COUNTER_QUALIFIER, startsRow } from './counter-layout.ts';

/**
 * Reserves `amount` numbers, and returns the highest of them. An answer that is lost costs numbers, which nobody gets: they are
 * skipped. Rejects with `StoreUnavailableError`.
 */
export async function reserve(
  client: HBaseClient,
  namespace: string,
  row: Buffer,
  amount: number,
): Promise<number> {
  const table = counterTableName(namespace);
  try {
    const highest = await client.increment({
      table,
      row,
      family: COUNTER_FAMILY,
      qualifier: COUNTER_QUALIFIER,
      amount: BigInt(amount),
    });
    if (highest > Number.MAX_SAFE_INTEGER) throw new RangeError(`counter ${row.toString()} is beyond 2^53`);
    return Number(highest);
  } catch (error) {
    throw tableUnavailable(error, 'the counters', table);
  }
}

/** The next number of the counter is 1. Durable when resolved. Rejects with `StoreUnavailableError`. */
export async function removeCounter(client: HBaseClient, namespace: string, row: Buffer): Promise<void> {
  const table = counterTableName(namespace);
  try {
    const mutations = [
      { kind: 'delete', row, families: [COUNTER_FAMILY], qualifier: COUNTER_QUALIFIER },
    ] as const;
    const [failure] = await client.mutate({ table, mutations, idempotent: true });
    if (failure !== undefined) throw failure;
  } catch (error) {
    throw tableUnavailable(error, 'the counters', table);
  }
}

/**
 * The start number of a broker: with its id, the incarnation that owns sessions. 1 is the first; some may be skipped, none comes
 * twice as long as the table is not lost. Rejects with `StoreUnavailableError`.
 */
export function nextStartNumber(client: HBaseClient, namespace: string, brokerId: string): Promise<number> {
  return reserve(client, namespace, startsRow(brokerId), 1);
}
