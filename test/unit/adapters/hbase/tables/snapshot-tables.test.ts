import { describe, expect, test } from 'vitest';
import { snapshotTables } from '../../../../../src/adapters/hbase/tables/snapshot-tables.ts';

const FOREVER = '2147483647';

describe('the tables of snapshots', () => {
  const tables = snapshotTables('spoke', 16);

  test('are four, those with rows of partitions split by partition', () => {
    expect(tables.map(({ descriptor, splits }) => [descriptor.name, splits.length])).toEqual([
      ['spoke:sessions', 15],
      ['spoke:retained', 15],
      ['spoke:checkpoints', 0],
      ['spoke:counters', 0],
    ]);
    expect(tables[0]?.splits.at(0)).toEqual(Buffer.from([0, 1]));
    expect(tables[0]?.splits.at(-1)).toEqual(Buffer.from([0, 15]));
    expect(snapshotTables('spoke', 1)[0]?.splits).toEqual([]);
  });

  test('let nothing go by its time, which is an offset, and keep one version', () => {
    for (const { descriptor } of tables)
      expect(descriptor.families).toMatchObject([{ attributes: { TTL: FOREVER, VERSIONS: '1' } }]);
  });
});
