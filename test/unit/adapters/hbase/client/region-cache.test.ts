import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RegionCache } from '../../../../../src/adapters/hbase/client/region-cache.ts';
import {
  containsRow,
  encodedNameOf,
  endsBefore,
  type RegionLocation,
} from '../../../../../src/adapters/hbase/client/region-location.ts';
import { serverAddress } from '../../../../../src/adapters/hbase/client/server-address.ts';

function region(start: Uint8Array | string, end: Uint8Array | string, id = 1n): RegionLocation {
  return {
    table: 't',
    name: Buffer.from(`t,${String(start)},${id}.abc.`),
    encodedName: 'abc',
    regionId: id,
    startKey: Buffer.from(start),
    endKey: Buffer.from(end),
    server: serverAddress('127.0.0.1', 1),
  };
}

describe('RegionCache', () => {
  it('finds the region of a row by its borders, first included, last not', () => {
    const cache = new RegionCache();
    const [low, high] = [region('', 'm'), region('m', '')];
    cache.put(high);
    cache.put(low);
    expect(cache.get('t', Buffer.from('lzz'))).toBe(low);
    expect(cache.get('t', Buffer.from('m'))).toBe(high);
    expect(cache.get('other', Buffer.from('m'))).toBeUndefined();
    expect(cache.getBefore('t', Buffer.from('m'))).toBe(low);
    expect(cache.getBefore('t', Buffer.from('m\0'))).toBe(high);
    expect(cache.getBefore('t', Buffer.alloc(0))).toBe(high);
  });

  it('does not answer for a gap', () => {
    const cache = new RegionCache();
    cache.put(region('a', 'c'));
    expect(cache.get('t', Buffer.from('c'))).toBeUndefined();
    expect(cache.get('t', Buffer.alloc(0))).toBeUndefined();
    expect(cache.getBefore('t', Buffer.from('d'))).toBeUndefined();
    expect(cache.getBefore('t', Buffer.alloc(0))).toBeUndefined();
  });

  it('replaces the parent of a split by its halves, and halves by what merged them', () => {
    const cache = new RegionCache();
    cache.put(region('', ''));
    const halves = [region('', 'm', 2n), region('m', '', 2n)];
    for (const half of halves) cache.put(half);
    expect(cache.get('t', Buffer.from('a'))).toBe(halves[0]);
    expect(cache.get('t', Buffer.from('z'))).toBe(halves[1]);
    const merged = region('', '', 3n);
    cache.put(merged);
    expect(cache.get('t', Buffer.from('a'))).toBe(merged);
    expect(cache.get('t', Buffer.from('z'))).toBe(merged);
  });

  it('forgets the place it is told, not a newer one of the same region', () => {
    const cache = new RegionCache();
    const [old, moved] = [region('', ''), region('', '')];
    cache.put(old);
    cache.put(moved);
    expect(cache.remove(old)).toBe(false);
    expect(cache.get('t', Buffer.from('a'))).toBe(moved);
    expect(cache.remove(moved)).toBe(true);
    expect(cache.get('t', Buffer.from('a'))).toBeUndefined();
  });

  it('answers like a plain list in which newer regions drive out what they overlap', () => {
    const key = fc.uint8Array({ maxLength: 2 });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(key, key), { maxLength: 12 }),
        fc.array(key, { maxLength: 12 }),
        (ranges, rows) => {
          const cache = new RegionCache();
          let list: RegionLocation[] = [];
          for (const [a, b] of ranges) {
            if (b.length > 0 && Buffer.compare(a, b) >= 0) continue;
            const added = region(a, b);
            list = list.filter((other) => !overlaps(other, added));
            list.push(added);
            cache.put(added);
          }
          for (const row of rows) {
            expect(cache.get('t', row)).toBe(list.find((one) => containsRow(one, row)));
            expect(cache.getBefore('t', row)).toBe(list.find((one) => endsBefore(one, row)));
          }
        },
      ),
    );
  });
});

function overlaps(a: RegionLocation, b: RegionLocation): boolean {
  const startsBeforeEnd = (one: RegionLocation, other: RegionLocation): boolean =>
    other.endKey.length === 0 || Buffer.compare(one.startKey, other.endKey) < 0;
  return startsBeforeEnd(a, b) && startsBeforeEnd(b, a);
}

it('reads the encoded name from the end: the start key may hold anything', () => {
  const name = Buffer.from('t,a.b,c.,1700000000000.0123456789abcdef0123456789abcdef.');
  expect(encodedNameOf(name)).toBe('0123456789abcdef0123456789abcdef');
});
