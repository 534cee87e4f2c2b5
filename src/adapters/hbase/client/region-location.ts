/** One region of a table and the server it was last seen on. */
import type { ServerAddress } from './server-address.ts';

export interface RegionLocation {
  /** `namespace:table`, or only `table` in the default namespace. */
  readonly table: string;
  /** `table,start key,id.encoded name.`: bytes, because the start key is. */
  readonly name: Buffer;
  /** Hash of the name: what logs and messages use. */
  readonly encodedName: string;
  readonly regionId: bigint;
  /** Inclusive; empty: the first region. */
  readonly startKey: Buffer;
  /** Exclusive; empty: the last region. */
  readonly endKey: Buffer;
  readonly server: ServerAddress;
}

export function containsRow({ startKey, endKey }: RegionLocation, row: Uint8Array): boolean {
  return Buffer.compare(startKey, row) <= 0 && (endKey.length === 0 || Buffer.compare(row, endKey) < 0);
}

/** Whether the region has rows before `row`, and the last of them. An empty `row` stands for the end of the table. */
export function endsBefore({ startKey, endKey }: RegionLocation, row: Uint8Array): boolean {
  if (row.length === 0) return endKey.length === 0;
  return Buffer.compare(startKey, row) < 0 && (endKey.length === 0 || Buffer.compare(row, endKey) <= 0);
}

/** The part between the last two full stops of a region's name. */
export function encodedNameOf(regionName: Buffer): string {
  const end = regionName.length - 1;
  const start = regionName.lastIndexOf('.', end - 1);
  return regionName.toString('latin1', start + 1, end);
}
