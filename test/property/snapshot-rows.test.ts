/** Rows of the snapshot tables: order, and that what is written comes back. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CellCursor } from '../../src/adapters/hbase/client/cell-block.ts';
import {
  isTombstone,
  partitionEnd,
  partitionStart,
  snapshotCell,
  snapshotRowKey,
  SnapshotRowReader,
} from '../../src/adapters/hbase/snapshot/snapshot-layout.ts';
import type { Offset } from '../../src/event-log/event-log.ts';
import type { SnapshotRow } from '../../src/metadata/snapshot-store.ts';
import { cellBlock } from '../support/cell-blocks.ts';

const ROW_BYTES_MAX = 4_096;

// Whole characters: a key is always valid text.
const shortKey = fc.string({ unit: 'binary', maxLength: 40 });
const longKey = fc
  .tuple(fc.nat(3), fc.constantFrom('x', 'ü', '🚲'), fc.string({ maxLength: 3 }))
  .map(([start, unit, end]) => `${'a'.repeat(start)}${unit.repeat(5_000)}${end}`);
const partition = fc.oneof(fc.nat(3), fc.nat(65_535));
const snapshotRow = fc.record<SnapshotRow>({
  partition,
  key: fc.oneof({ weight: 9, arbitrary: shortKey }, { weight: 1, arbitrary: longKey }),
  offset: fc.maxSafeNat().map((offset) => offset as Offset),
  value: fc.option(fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes))),
  event: fc.oneof(fc.constantFrom('Subscribed', 'SessionClosed', ''), fc.string({ unit: 'binary' })),
  timestampMs: fc.maxSafeNat(),
});

function written(row: SnapshotRow) {
  const { timestamp = 0n, ...cell } = snapshotCell(row);
  return { row: snapshotRowKey(row.partition, row.key), timestamp, ...cell };
}

test('rows come back as they were written, next to each other too', () => {
  fc.assert(
    fc.property(fc.array(snapshotRow, { maxLength: 8 }), (rows) => {
      const cursor = new CellCursor(cellBlock(rows.map(written)));
      const reader = new SnapshotRowReader();
      for (const row of rows) {
        expect(cursor.next()).toBe(true);
        expect(isTombstone(cursor)).toBe(row.value === null);
        expect(reader.read(cursor)).toEqual(row);
      }
    }),
  );
});

test('rows are in the order of partition, then the bytes of the key', () => {
  const near = fc.tuple(
    fc.nat(1),
    fc.string({ unit: fc.constantFrom('a', '\0', 'ü', '\uffff'), maxLength: 3 }),
  );
  const place = fc.oneof(fc.tuple(partition, shortKey), near);
  fc.assert(
    fc.property(place, place, ([one, oneKey], [other, otherKey]) => {
      const expected = one - other || Buffer.compare(Buffer.from(oneKey), Buffer.from(otherKey));
      const found = Buffer.compare(snapshotRowKey(one, oneKey), snapshotRowKey(other, otherKey));
      expect(Math.sign(found)).toBe(Math.sign(expected));
    }),
    { numRuns: 2_000 },
  );
});

test('a row lies between the borders of its partition', () => {
  fc.assert(
    fc.property(partition, shortKey, (number, key) => {
      const row = snapshotRowKey(number, key);
      const end = partitionEnd(number);
      expect(Buffer.compare(partitionStart(number), row)).toBeLessThanOrEqual(0);
      expect(end.length === 0 || Buffer.compare(row, end) < 0).toBe(true);
    }),
  );
});

test('a key that no row is long enough for has a row of its own', () => {
  const [start, end] = ['a'.repeat(40_000), 'b'.repeat(10)];
  const rows = ['', end, `${end}c`].map((tail) => snapshotRowKey(3, start + tail).toString('hex'));
  expect(new Set(rows).size).toBe(3);
  for (const row of rows) expect(row.length / 2).toBe(ROW_BYTES_MAX);
  // The longest key that needs no digest, and the shortest that does.
  expect(snapshotRowKey(3, 'a'.repeat(ROW_BYTES_MAX - 2)).subarray(2)).toEqual(
    Buffer.from('a'.repeat(ROW_BYTES_MAX - 2)),
  );
  expect(snapshotRowKey(3, 'a'.repeat(ROW_BYTES_MAX - 1))).toHaveLength(ROW_BYTES_MAX);
  expect(snapshotRowKey(3, 'a'.repeat(ROW_BYTES_MAX - 1)).includes(0xff)).toBe(true);
});

test('a cell of another layout is refused, not misread', () => {
  const row: SnapshotRow = {
    partition: 0,
    key: 'k',
    offset: 1 as Offset,
    value: Buffer.from('v'),
    event: 'Set',
    timestampMs: 1,
  };
  const { value, ...rest } = written(row);
  const refused = (bytes: Uint8Array): void => {
    const cursor = new CellCursor(cellBlock([{ ...rest, value: bytes }]));
    cursor.next();
    expect(() => new SnapshotRowReader().read(cursor)).toThrow('is not laid out as this release writes it');
  };
  refused(Buffer.alloc(0));
  refused(Buffer.from([2, ...value.subarray(1)]));
  refused(value.subarray(0, 11));
  refused(value.subarray(0, 14));
});
