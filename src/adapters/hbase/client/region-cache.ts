/**
 * Regions whose place is known, per table in the order of their keys. Regions in the cache never overlap: what comes later is
 * newer, and replaces what it overlaps (the parent of a split, the halves of a merge).
 */
import { containsRow, endsBefore, type RegionLocation } from './region-location.ts';

export class RegionCache {
  readonly #tables = new Map<string, RegionLocation[]>();

  get(table: string, row: Uint8Array): RegionLocation | undefined {
    const regions = this.#tables.get(table);
    const region = regions?.[lastNotAfter(regions, row)];
    return region !== undefined && containsRow(region, row) ? region : undefined;
  }

  /** The region with the last rows before `row`; an empty `row` stands for the end of the table. */
  getBefore(table: string, row: Uint8Array): RegionLocation | undefined {
    const regions = this.#tables.get(table);
    if (regions === undefined) return undefined;
    const last = row.length === 0 ? regions.length - 1 : lastNotAfter(regions, row);
    for (const index of [last, last - 1]) {
      const region = regions[index];
      if (region !== undefined && endsBefore(region, row)) return region;
    }
    return undefined;
  }

  put(location: RegionLocation): void {
    const regions = this.#tables.get(location.table) ?? [];
    this.#tables.set(location.table, regions);
    let from = lastNotAfter(regions, location.startKey);
    const before = regions[from];
    if (before === undefined || !overlap(before, location)) from++;
    let to = from;
    while (to < regions.length && overlap(regions[to], location)) to++;
    regions.splice(from, to - from, location);
  }

  /** Forgets this place; a newer one of the same region stays. */
  remove(location: RegionLocation): boolean {
    const regions = this.#tables.get(location.table);
    const index = regions?.indexOf(location) ?? -1;
    if (index >= 0) regions?.splice(index, 1);
    return index >= 0;
  }

  removeTable(table: string): void {
    this.#tables.delete(table);
  }
}

/** Index of the last region that starts at or before `row`, or -1. */
function lastNotAfter(regions: readonly RegionLocation[], row: Uint8Array): number {
  let low = 0;
  let high = regions.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const region = regions[middle];
    if (region !== undefined && Buffer.compare(region.startKey, row) <= 0) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function overlap(a: RegionLocation | undefined, b: RegionLocation): boolean {
  if (a === undefined) return false;
  const aBeginsInTime = b.endKey.length === 0 || Buffer.compare(a.startKey, b.endKey) < 0;
  const bBeginsInTime = a.endKey.length === 0 || Buffer.compare(b.startKey, a.endKey) < 0;
  return aBeginsInTime && bBeginsInTime;
}
