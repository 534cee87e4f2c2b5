/** Clients, tables and rows for tests of the HBase client layer: every test its own table, in an HBase that others use too. */
import { HBaseClient, type HBaseClientOptions } from '../../src/adapters/hbase/client/hbase-client.ts';
import type { RowMutation } from '../../src/adapters/hbase/client/row-mutation.ts';
import type { ScanOptions } from '../../src/adapters/hbase/client/scan-options.ts';
import { SystemTimers } from '../../src/transport/system-time.ts';

/** An endpoint that HBase ships: `MultiRowMutationService.MutateRows` with an empty request does nothing. */
export const ENDPOINT = { service: 'MultiRowMutationService', method: 'MutateRows' };
const ENDPOINT_ATTRIBUTE = '|org.apache.hadoop.hbase.coprocessor.MultiRowMutationEndpoint|1073741823|';

/** Borders as the queue table has them, and some that are not text: zero bytes, high bytes, commas. */
export const BINARY_BORDERS = [
  Buffer.from([0x00, 0x00, 0x2c]),
  Buffer.from([0x2c, 0x2c]),
  Buffer.from([0x40]),
  Buffer.from([0x80, 0x00]),
  Buffer.from([0xc0, 0xff, 0x0a]),
  Buffer.from([0xff, 0x2c, 0x00]),
];

export const FAMILY = 'f';
const QUALIFIER = Buffer.from('q');
/** Multiplier of Knuth's multiplicative hash: spreads consecutive numbers over all 32 bits. */
const SPREAD = 2_654_435_761;

let tables = 0;

export function openClient(
  zookeeperQuorum: string,
  options: Partial<HBaseClientOptions> = {},
): Promise<HBaseClient> {
  return HBaseClient.connect({ zookeeperQuorum, timers: new SystemTimers(), ...options });
}

/** Creates a table of a name that no other test has. */
export async function newTable(
  client: HBaseClient,
  splitKeys: readonly Buffer[] = BINARY_BORDERS,
  familyAttributes: Readonly<Record<string, string>> = {},
): Promise<string> {
  const name = `client_${process.pid}_${Date.now()}_${tables++}`;
  const families = [{ name: FAMILY, attributes: familyAttributes }];
  await client.master.createTable(
    { name, families, attributes: { coprocessor$1: ENDPOINT_ATTRIBUTE } },
    splitKeys,
  );
  return name;
}

/** Key of the nth row: spread over the whole table, different for each n up to 2^32. */
export function rowKey(n: number): Buffer {
  const key = Buffer.alloc(4);
  key.writeUInt32BE(Math.imul(n, SPREAD) >>> 0);
  return key;
}

export function putOf(row: Uint8Array, value: Uint8Array | string, timestamp?: bigint): RowMutation {
  const cell = { family: FAMILY, qualifier: QUALIFIER, value: Buffer.from(value) };
  return { kind: 'put', row, cells: [{ ...cell, ...(timestamp !== undefined && { timestamp }) }] };
}

/** Puts rows 0 to `count - 1`, each with its number as value; throws the first failure. */
export async function putRows(client: HBaseClient, table: string, count: number): Promise<void> {
  const mutations = Array.from({ length: count }, (_, n) => putOf(rowKey(n), String(n)));
  const results = await client.mutate({ table, mutations, idempotent: true, timeoutMs: 60_000 });
  const failure = results.find((result) => result !== undefined);
  if (failure !== undefined) throw failure;
}

/** The keys that a scan returns, in hexadecimal, in the order they came. `onBatch` may disturb the scan. */
export async function scannedKeys(
  client: HBaseClient,
  options: ScanOptions,
  onBatch: (rowsSoFar: number) => Promise<void> | void = () => undefined,
): Promise<string[]> {
  const keys: string[] = [];
  for await (const rows of client.scan(options)) {
    for (const row of rows) keys.push(row.key.toString('hex'));
    await onBatch(keys.length);
  }
  return keys;
}

/** What `scannedKeys` returns for the whole table after `putRows`. */
export function expectedKeys(count: number): string[] {
  return Array.from({ length: count }, (_, n) => rowKey(n).toString('hex')).sort();
}
