/** Scans against a real HBase: every row once and in order, whatever the borders, sizes and splits. */
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { HBaseClient } from '../../../src/adapters/hbase/client/hbase-client.ts';
import {
  BINARY_BORDERS,
  expectedKeys,
  FAMILY,
  newTable,
  openClient,
  putOf,
  putRows,
  rowKey,
  scannedKeys,
} from '../../support/hbase-rows.ts';

const ROWS = 100_000;
const SMALL_ROWS = 2_000;

let client: HBaseClient;

beforeAll(async () => {
  client = await openClient(inject('zookeeperQuorum'));
});

afterAll(() => {
  client.close();
});

describe('a scan of a table with binary borders', () => {
  let table: string;

  beforeAll(async () => {
    table = await newTable(client);
    await putRows(client, table, SMALL_ROWS);
  });

  it('returns every row once, in order', async () => {
    expect(await scannedKeys(client, { table })).toEqual(expectedKeys(SMALL_ROWS));
  });

  it('returns the same backwards', async () => {
    const keys = await scannedKeys(client, { table, reversed: true, batchRows: 100 });
    expect(keys).toEqual(expectedKeys(SMALL_ROWS).reverse());
  });

  it.each([
    { name: 'on borders', start: BINARY_BORDERS[1], stop: BINARY_BORDERS[4] },
    { name: 'inside regions', start: Buffer.from([0x11]), stop: Buffer.from([0x91, 0x00]) },
    { name: 'inside one region', start: Buffer.from([0x41]), stop: Buffer.from([0x42]) },
  ])('keeps to a range that begins and ends $name', async ({ start, stop }) => {
    const [startRow, stopRow] = [start!, stop!];
    const inRange = expectedKeys(SMALL_ROWS).filter(
      (key) => key >= startRow.toString('hex') && key < stopRow.toString('hex'),
    );
    expect(await scannedKeys(client, { table, startRow, stopRow, batchRows: 7 })).toEqual(inRange);
    const lastFirst = await scannedKeys(client, {
      table,
      startRow: stopRow,
      stopRow: startRow,
      reversed: true,
    });
    const backwards = expectedKeys(SMALL_ROWS).filter(
      (key) => key > startRow.toString('hex') && key <= stopRow.toString('hex'),
    );
    expect(lastFirst).toEqual(backwards.reverse());
  });

  it.each([1, 99, 100, 101, 1_500])('stops after a limit of %i rows', async (limit) => {
    const keys = await scannedKeys(client, { table, limit, batchRows: 100 });
    expect(keys).toEqual(expectedKeys(SMALL_ROWS).slice(0, limit));
  });

  it('lets go of the server scanner when the consumer stops early', async () => {
    await client.locate(table, Buffer.from([0x40]));
    const { calls } = client.stats;
    for await (const rows of client.scan({ table, startRow: Buffer.from([0x40]), batchRows: 10 })) {
      expect(rows).toHaveLength(10);
      break;
    }
    // One that opened it, one that closes it.
    await expect.poll(() => client.stats).toMatchObject({ calls: calls + 2, callsPending: 0 });
  });

  it('returns nothing for an empty range, and no batch', async () => {
    expect(
      await scannedKeys(client, { table, startRow: Buffer.from([0x50]), stopRow: Buffer.from([0x50, 0]) }),
    ).toEqual([]);
  });
});

it('puts a row together that is larger than an answer', async () => {
  const table = await newTable(client, []);
  const cells = Array.from({ length: 12 }, (_, n) => ({
    family: FAMILY,
    qualifier: Buffer.from([n]),
    value: Buffer.alloc(500_000, n),
  }));
  const rows = ['a', 'b', 'c'].map((row) => ({ kind: 'put' as const, row: Buffer.from(row), cells }));
  expect(await client.mutate({ table, mutations: rows, idempotent: true })).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  const sizes: string[] = [];
  for await (const batch of client.scan({ table })) {
    for (const row of batch)
      sizes.push(`${row.key.toString()}: ${row.cells.map(({ value }) => value[0]).join(' ')}`);
  }
  expect(sizes).toEqual(['a', 'b', 'c'].map((row) => `${row}: 0 1 2 3 4 5 6 7 8 9 10 11`));
});

it(`scans ${ROWS} rows over regions that are split meanwhile`, async () => {
  const table = await newTable(client);
  await putRows(client, table, ROWS);
  const splits = [
    { after: 10_000, row: Buffer.from([0x2c, 0x30]) },
    { after: 30_000, row: Buffer.from([0x60, 0x2c, 0x2c]) },
    { after: 60_000, row: Buffer.from([0xa0]) },
  ];
  const started = performance.now();
  const keys = await scannedKeys(client, { table, batchRows: 500 }, async (rowsSoFar) => {
    const next = splits[0];
    if (next === undefined || rowsSoFar < next.after) return;
    splits.shift();
    await client.master.splitRegion(await client.locate(table, next.row), next.row);
  });
  console.log(`${ROWS} rows with three splits: ${Math.round(performance.now() - started)} ms`);
  expect(splits).toEqual([]);
  expect(keys).toEqual(expectedKeys(ROWS));
  const regions: string[] = [];
  for await (const region of client.regions(table)) regions.push(region.startKey.toString('hex'));
  expect(regions).toEqual(['', '00002c', '2c2c', '2c30', '40', '602c2c', '8000', 'a0', 'c0ff0a', 'ff2c00']);
});

it('sees the rows written before it began, and the values of one moment per row', async () => {
  const table = await newTable(client, []);
  await putRows(client, table, 10);
  await client.mutate({ table, mutations: [putOf(rowKey(3), 'newer', 2n ** 62n)], idempotent: true });
  for await (const rows of client.scan({ table })) {
    const row = rows.find(({ key }) => key.equals(rowKey(3)));
    expect(row?.cells).toMatchObject([{ timestamp: 2n ** 62n, value: Buffer.from('newer') }]);
  }
});
