/** Single calls, batches and administration against a real HBase, and how they fail. */
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { HBaseClient } from '../../../src/adapters/hbase/client/hbase-client.ts';
import { HBaseError } from '../../../src/adapters/hbase/client/hbase-error.ts';
import { cellValue } from '../../../src/adapters/hbase/client/row.ts';
import { ENDPOINT, FAMILY, newTable, openClient, putOf, putRows, rowKey } from '../../support/hbase-rows.ts';

const NOTHING = Buffer.alloc(0);

let client: HBaseClient;
let table: string;

beforeAll(async () => {
  client = await openClient(inject('zookeeperQuorum'));
  table = await newTable(client);
});

afterAll(() => {
  client.close();
});

async function failureOf(work: Promise<unknown>): Promise<HBaseError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof HBaseError)) throw new Error(`expected an HBaseError, got ${String(error)}`);
  return error;
}

describe('exec', () => {
  it('answers from every region, empty requests and responses included', async () => {
    for await (const { startKey } of client.regions(table)) {
      const response = await client.exec({
        table,
        row: startKey,
        ...ENDPOINT,
        request: NOTHING,
        idempotent: true,
      });
      expect(response).toBeInstanceOf(Buffer);
    }
  });

  it('sends a request of megabytes as it is', async () => {
    // Field 15, which the endpoint skips.
    const request = Buffer.concat([
      Buffer.from([0x7a, 0x80, 0x80, 0x80, 0x02]),
      Buffer.alloc(4 * 1024 * 1024, 7),
    ]);
    await client.exec({ table, row: rowKey(1), ...ENDPOINT, request, idempotent: true });
  });

  it('walks over the regions of a range, each once', async () => {
    const regions: string[] = [];
    const range = { startRow: Buffer.from([0x30]), stopRow: Buffer.from([0x80, 0x00, 0x01]) };
    for await (const { location } of client.execOnRegions({
      table,
      ...range,
      ...ENDPOINT,
      request: NOTHING,
      idempotent: true,
    })) {
      regions.push(location.startKey.toString('hex'));
    }
    expect(regions).toEqual(['2c2c', '40', '8000']);
  });

  it('says which region and server refused an unknown service, and does not repeat it', async () => {
    const retriesBefore = client.stats.retries;
    const call = {
      table,
      row: rowKey(1),
      service: 'NoSuchService',
      method: 'None',
      request: NOTHING,
      idempotent: true,
    };
    const error = await failureOf(client.exec(call));
    const { encodedName, server } = await client.locate(table, rowKey(1));
    expect(error).toMatchObject({ code: 'REFUSED', table, region: encodedName, server: server.name });
    expect(error.exceptionClass).toMatch(/UnknownProtocolException$/);
    expect(client.stats.retries).toBe(retriesBefore);
  });

  it('is given up as soon as its signal fires', async () => {
    const error = await failureOf(
      client.exec({
        table,
        row: rowKey(1),
        ...ENDPOINT,
        request: NOTHING,
        idempotent: true,
        signal: AbortSignal.abort(),
      }),
    );
    expect(error.code).toBe('ABORTED');
  });
});

describe('get and mutate', () => {
  it('returns what was put, to the millisecond and the last bit', async () => {
    const row = Buffer.from([0xff, 0x00, 0x2c, 0x0a]);
    const timestamp = 2n ** 53n + 1n;
    expect(await client.mutate({ table, mutations: [putOf(row, 'v', timestamp)], idempotent: true })).toEqual(
      [undefined],
    );
    const found = await client.get({ table, row, families: [FAMILY] });
    expect(found?.cells[0]?.timestamp).toBe(timestamp);
    expect(found && cellValue(found, FAMILY, 'q')?.toString()).toBe('v');
  });

  it('finds nothing where nothing is', async () => {
    expect(await client.get({ table, row: Buffer.from('nobody') })).toBeUndefined();
  });

  it('keeps the higher timestamp, whichever comes last', async () => {
    const row = Buffer.from('order');
    for (const [value, timestamp] of [
      ['newer', 9n],
      ['older', 8n],
    ] as const) {
      await client.mutate({ table, mutations: [putOf(row, value, timestamp)], idempotent: true });
    }
    const found = await client.get({ table, row });
    expect(found && cellValue(found, FAMILY, 'q')?.toString()).toBe('newer');
  });

  it('deletes up to a timestamp, and not what is newer', async () => {
    const [older, newer] = [Buffer.from('delete-1'), Buffer.from('delete-2')];
    await client.mutate({
      table,
      mutations: [putOf(older, 'x', 5n), putOf(newer, 'x', 7n)],
      idempotent: true,
    });
    const mutations = [older, newer].map((row) => ({
      kind: 'delete' as const,
      row,
      families: [FAMILY],
      timestamp: 6n,
    }));
    await client.mutate({ table, mutations, idempotent: true });
    expect(await client.get({ table, row: older })).toBeUndefined();
    expect(await client.get({ table, row: newer })).toBeDefined();
  });

  it('tells of each row by itself whether it was written', async () => {
    const wrong = {
      kind: 'put' as const,
      row: rowKey(2),
      cells: [{ family: 'none', qualifier: NOTHING, value: NOTHING }],
    };
    const results = await client.mutate({
      table,
      mutations: [putOf(rowKey(1), 'a'), wrong, putOf(rowKey(2), 'b'), putOf(rowKey(4), 'c')],
      idempotent: true,
    });
    expect(results.map((result) => result?.code)).toEqual([undefined, 'REFUSED', undefined, undefined]);
    expect(results[1]?.exceptionClass).toMatch(/NoSuchColumnFamilyException$/);
    for (const n of [1, 2, 4]) expect(await client.get({ table, row: rowKey(n) })).toBeDefined();
  });
});

describe('administration', () => {
  it('creates what is not there, once', async () => {
    const namespace = `space${process.pid}${Date.now()}`;
    await client.master.createNamespace(namespace);
    expect(await client.master.namespaces()).toContain(namespace);
    expect((await failureOf(client.master.createNamespace(namespace))).code).toBe('ALREADY_EXISTS');
    const descriptor = {
      name: `${namespace}:things`,
      attributes: { SPLIT_POLICY: 'org.apache.hadoop.hbase.regionserver.DisabledRegionSplitPolicy' },
      families: [{ name: 'm', attributes: { TTL: '86400', IN_MEMORY_COMPACTION: 'BASIC' } }],
    };
    await client.master.createTable(descriptor, [Buffer.from([0x80])]);
    expect((await failureOf(client.master.createTable(descriptor))).code).toBe('ALREADY_EXISTS');
    expect(await client.master.describeTable(descriptor.name)).toMatchObject(descriptor);
    await client.mutate({
      table: descriptor.name,
      mutations: [
        { kind: 'put', row: rowKey(1), cells: [{ family: 'm', qualifier: NOTHING, value: NOTHING }] },
      ],
      idempotent: true,
    });
    expect(await client.get({ table: descriptor.name, row: rowKey(1) })).toBeDefined();
  });

  it('says that a table or namespace is missing', async () => {
    expect(await client.master.describeTable('missing')).toBeUndefined();
    const error = await failureOf(client.get({ table: 'missing', row: rowKey(1) }));
    expect(error.code).toBe('TABLE_NOT_FOUND');
    expect(error.message).toContain('table missing');
    const orphan = { name: 'missing:table', attributes: {}, families: [{ name: 'm', attributes: {} }] };
    expect((await failureOf(client.master.createTable(orphan))).code).toBe('NAMESPACE_NOT_FOUND');
  });

  it('modifies a table, flushes and compacts its regions, and keeps its rows', async () => {
    const name = await newTable(client);
    await putRows(client, name, 500);
    const before = await client.master.describeTable(name);
    if (before === undefined) throw new Error('the table is gone');
    const families = before.families.map((family) => ({
      ...family,
      attributes: { ...family.attributes, DATA_BLOCK_ENCODING: 'FAST_DIFF' },
    }));
    await client.master.modifyTable({ ...before, families });
    expect((await client.master.describeTable(name))?.families[0]?.attributes).toMatchObject({
      DATA_BLOCK_ENCODING: 'FAST_DIFF',
    });
    for await (const region of client.regions(name)) {
      await client.master.flushRegion(region);
      await client.master.compactRegion(region, true);
    }
    expect(await client.get({ table: name, row: rowKey(77) })).toBeDefined();
  });

  it('disables, truncates, enables and deletes', async () => {
    const name = await newTable(client);
    await putRows(client, name, 50);
    await client.master.disableTable(name);
    expect(await client.master.tableState(name)).toBe('disabled');
    await client.master.enableTable(name);
    expect(await client.get({ table: name, row: rowKey(1) })).toBeDefined();
    await client.master.disableTable(name);
    await client.master.truncateTable(name);
    expect(await client.get({ table: name, row: rowKey(1) })).toBeUndefined();
    await client.master.disableTable(name);
    await client.master.deleteTable(name);
    expect((await failureOf(client.get({ table: name, row: rowKey(1) }))).code).toBe('TABLE_NOT_FOUND');
  });
});
