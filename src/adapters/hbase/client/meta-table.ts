/**
 * What rows of `hbase:meta` are and how they are found: one row per region, key `table,start key,id.encoded name.`, ordered by table, then
 * start key, then id. Rows of regions that are split or offline say nothing about where to go.
 */
import { bigintOf } from './halves.ts';
import { HBaseError } from './hbase-error.ts';
import type { ScanMessage } from './messages.ts';
import type { HBaseProtocol } from './protocol.ts';
import { encodedNameOf, type RegionLocation } from './region-location.ts';
import { cellValue, type Row } from './row.ts';
import { serverAddress } from './server-address.ts';
import { META_TABLE, tableNameOf } from './table-name.ts';
import { messageOf } from './cluster-registry.ts';

export const META_REGION_NAME = Buffer.from(`${META_TABLE},,1`);

const FAMILY = 'info';
/** Sorts after every id: the highest one that HBase itself asks with. */
const AFTER_ALL_IDS = Buffer.from(',99999999999999');
const BEFORE_ALL_IDS = Buffer.from(',');

/** Backwards from the region that holds `row`. */
export function scanBackFrom(table: string, row: Uint8Array): ScanMessage {
  return scanBack(Buffer.concat([Buffer.from(`${table},`), row, AFTER_ALL_IDS]), table);
}

/** Backwards from the region with the last rows before `row`; an empty `row` stands for the end of the table. */
export function scanBackBefore(table: string, row: Uint8Array): ScanMessage {
  // No table's name has a space: what follows the name with one sorts behind the table's last region.
  const start =
    row.length === 0
      ? Buffer.from(`${table} ,,`)
      : Buffer.concat([Buffer.from(`${table},`), row, BEFORE_ALL_IDS]);
  return scanBack(start, table);
}

/** Forwards from the region that starts at `startKey`, to the end of the table. */
export function scanForwardFrom(table: string, startKey: Uint8Array): ScanMessage {
  return {
    ...scanBack(Buffer.from(behindTable(table)), table),
    startRow: Buffer.concat([Buffer.from(`${table},`), startKey, BEFORE_ALL_IDS]),
    stopRow: Buffer.from(behindTable(table)),
    reversed: false,
  };
}

/** A key behind the table's last region: no table's name has a space. */
function behindTable(table: string): string {
  return `${table} ,,`;
}

function scanBack(startRow: Buffer, table: string): ScanMessage {
  return {
    column: [{ family: Buffer.from(FAMILY), qualifier: [] }],
    startRow,
    stopRow: Buffer.from(`${table},,`),
    includeStartRow: true,
    includeStopRow: true,
    reversed: true,
    cacheBlocks: true,
  };
}

/**
 * Where a row of `hbase:meta` says a region is. Undefined for a region that takes no calls: split, offline, or a mere replica.
 * Throws `REGION_UNAVAILABLE` for a region that has no server at the moment.
 */
export function locationOf(row: Row, protocol: HBaseProtocol): RegionLocation | undefined {
  const name = row.key;
  const info = column(row, 'regioninfo');
  if (info === undefined) return undefined;
  const region = protocol.regionInfo.decode(messageOf(info));
  if (region.split || region.offline || region.replicaId > 0) return undefined;
  const table = tableNameOf(region.tableName);
  const server = column(row, 'server')?.toString() ?? '';
  const colon = server.lastIndexOf(':');
  if (colon < 0) {
    throw new HBaseError('REGION_UNAVAILABLE', 'no server holds the region yet', {
      table,
      region: encodedNameOf(name),
    });
  }
  const startCode = column(row, 'serverstartcode');
  return {
    table,
    // Own memory: a place is kept for long, and would keep the whole answer it came in.
    name: Buffer.from(name),
    encodedName: encodedNameOf(name),
    regionId: bigintOf(region.regionId),
    startKey: Buffer.from(region.startKey),
    endKey: Buffer.from(region.endKey),
    server: serverAddress(
      server.slice(0, colon),
      Number(server.slice(colon + 1)),
      startCode === undefined ? 0n : startCode.readBigInt64BE(),
    ),
  };
}

/** An empty value is none. */
function column(row: Row, qualifier: string): Buffer | undefined {
  const value = cellValue(row, FAMILY, qualifier);
  return value?.length === 0 ? undefined : value;
}
