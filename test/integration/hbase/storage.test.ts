/** `spoke storage` against a real HBase: what it makes, finds wrong and puts right. */
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { HBaseClient } from '../../../src/adapters/hbase/client/hbase-client.ts';
import { nextStartNumber } from '../../../src/adapters/hbase/counters/counter.ts';
import { openHBaseSnapshotStore } from '../../../src/adapters/hbase/snapshot/hbase-snapshot-store.ts';
import { claimTable } from '../../../src/adapters/hbase/tables/table-owner.ts';
import { configSchema } from '../../../src/app/config-schema.ts';
import { openStorage, type Storage } from '../../../src/app/storage.ts';
import { at, contents, row } from '../../contract/snapshot-store-contract.ts';
import { connectHBase } from '../../support/hbase-queues.ts';
import { CliHarness, type CliRun } from '../../unit/cli/cli-harness.ts';

const NAMESPACE = 'storage_test';
const TABLE = `${NAMESPACE}:queues`;
const PARTITIONS = 4;

let client: HBaseClient;
/** Begun first: it takes its ten seconds while the others go on. */
let unreachable: Promise<CliRun>;
beforeAll(async () => {
  unreachable = spoke('storage check', { SPOKE_HBASE_ZOOKEEPER_QUORUM: '127.0.0.1:1' });
  client = await connectHBase(inject('zookeeperQuorum'));
});
afterAll(() => {
  client.close();
});

function spoke(words: string, environment: Record<string, string> = {}): Promise<CliRun> {
  const harness = new CliHarness({
    directory: tmpdir(),
    environment: {
      SPOKE_QUEUES_STORE: 'hbase',
      SPOKE_HBASE_ZOOKEEPER_QUORUM: inject('zookeeperQuorum'),
      SPOKE_HBASE_NAMESPACE: NAMESPACE,
      ...environment,
    },
  });
  return harness.run(...words.split(' '));
}

describe('spoke storage', () => {
  it('says what is missing, and with which command it is made', async () => {
    const { code, err } = await spoke('storage check');
    expect(code).toBe(1);
    expect(err).toContain(`table ${TABLE} does not exist`);
    expect(err).toContain('spoke storage apply');
  });

  it('makes the table, also when two do it at once, and has nothing to do the next time', async () => {
    const both = await Promise.all([spoke('storage apply'), spoke('storage apply')]);
    expect(both.map(({ code, err }) => [code, code === 0 ? '' : err])).toEqual([
      [0, ''],
      [0, ''],
    ]);
    expect(both.map(({ err }) => err).join('')).toContain(`creating table ${TABLE} with 128 regions`);
    const again = await spoke('storage apply');
    expect(again).toMatchObject({ code: 0, out: `Table ${TABLE} is ready.\n` });
    expect(again.err).not.toMatch(/creating|changing/);
    expect(await spoke('storage check')).toMatchObject({ code: 0, err: '' });
  });

  it('lists every difference by itself, puts it right, and leaves alone what nobody asked for', async () => {
    const found = await client.master.describeTable(TABLE);
    if (found === undefined) throw new Error('no table');
    const [messages, states] = found.families;
    if (messages === undefined || states === undefined) throw new Error('no families');
    await client.master.modifyTable({
      ...found,
      attributes: { ...found.attributes, MAX_FILESIZE: '123456789' },
      families: [
        {
          ...messages,
          attributes: { ...messages.attributes, DATA_BLOCK_ENCODING: 'NONE', BLOCKSIZE: '16384' },
        },
        { ...states, attributes: { ...states.attributes, TTL: '60' } },
      ],
    });
    const { code, err } = await spoke('storage check');
    expect(code).toBe(1);
    expect(err).toContain('family m: DATA_BLOCK_ENCODING is "NONE", should be "FAST_DIFF"');
    expect(err).toContain('family q: TTL is "60", should be "2147483647"');
    expect((await spoke('storage apply')).code).toBe(0);
    const after = await client.master.describeTable(TABLE);
    expect(after?.attributes['MAX_FILESIZE']).toBe('123456789');
    expect(after?.families[0]?.attributes).toMatchObject({
      DATA_BLOCK_ENCODING: 'FAST_DIFF',
      BLOCKSIZE: '16384',
    });
  });

  it('follows the configuration', async () => {
    const { code, err } = await spoke('storage check', { SPOKE_HBASE_IN_MEMORY_COMPACTION: 'EAGER' });
    expect(code).toBe(1);
    expect(err).toContain('family m: IN_MEMORY_COMPACTION is "BASIC", should be "EAGER"');
  });

  it('enables a table that somebody disabled', async () => {
    await client.master.disableTable(TABLE);
    expect((await spoke('storage check')).err).toContain(`table ${TABLE} is disabled`);
    expect((await spoke('storage apply')).code).toBe(0);
    expect((await spoke('storage check')).code).toBe(0);
  });

  it('empties the table of a lost data directory for the next one', async () => {
    await claimTable(client, TABLE, 'lost of spoke-1');
    await expect(claimTable(client, TABLE, 'new of spoke-1')).rejects.toMatchObject({ code: 'TABLE_OWNED' });
    expect((await spoke('storage reset')).out).toContain('lost of spoke-1');
    await claimTable(client, TABLE, 'new of spoke-1');
    await claimTable(client, TABLE, 'new of spoke-1');
  });

  it('names ZooKeeper when it does not answer', async () => {
    const { code, err } = await unreachable;
    expect(code).toBe(1);
    expect(err).toContain('ZooKeeper');
  });

  it('has nothing to do where queues are embedded', async () => {
    const { code, out } = await spoke('storage apply', { SPOKE_QUEUES_STORE: 'embedded' });
    expect(code).toBe(0);
    expect(out).toContain('nothing to do');
  });
});

describe('the tables of snapshots', () => {
  const namespace = NAMESPACE;
  const lines: string[] = [];
  let storage: Storage;
  beforeAll(async () => {
    const { hbase } = configSchema.parse({
      hbase: { zookeeperQuorum: inject('zookeeperQuorum'), namespace },
    });
    storage = await openStorage(hbase, (line) => lines.push(line), PARTITIONS);
  });
  afterAll(() => {
    storage.close();
  });

  it('are made beside the queues, once, with a region for each partition', async () => {
    expect(await storage.check()).toContain(`table ${namespace}:checkpoints does not exist`);
    expect(await storage.apply()).toEqual([]);
    expect(lines.filter((line) => line.startsWith('creating'))).toEqual([
      `creating table ${namespace}:sessions with ${PARTITIONS} regions`,
      `creating table ${namespace}:retained with ${PARTITIONS} regions`,
      `creating table ${namespace}:checkpoints with 1 region`,
      `creating table ${namespace}:counters with 1 region`,
    ]);
    lines.length = 0;
    expect(await storage.apply()).toEqual([]);
    expect(lines.filter((line) => /creating|changing/.test(line))).toEqual([]);
    expect(storage.tables).toHaveLength(5);
  });

  it('are told apart when something is wrong with one of them', async () => {
    const table = `${namespace}:checkpoints`;
    const found = await client.master.describeTable(table);
    if (found === undefined) throw new Error('no table');
    const families = found.families.map((family) => ({
      ...family,
      attributes: { ...family.attributes, TTL: '60' },
    }));
    await client.master.modifyTable({ ...found, families });
    expect(await storage.check()).toEqual([`${table}: family c: TTL is "60", should be "2147483647"`]);
    expect(await storage.apply()).toEqual([]);
  });

  it('are emptied for the log to be folded again, without a number being given twice', async () => {
    const open = (topic: 'sessions' | 'retained') =>
      openHBaseSnapshotStore({ client, namespace, topic, partitionCount: PARTITIONS });
    const stores = [await open('sessions'), await open('retained')];
    for (const store of stores) {
      await store.write([row('k', 5)]);
      await store.saveCheckpoint([at(6)]);
    }
    expect(await nextStartNumber(client, namespace, 'spoke-1')).toBe(1);
    await storage.resetSnapshots();
    for (const store of stores) {
      expect(await store.loadCheckpoint()).toBeUndefined();
      expect(await contents(store)).toEqual([]);
    }
    expect(await nextStartNumber(client, namespace, 'spoke-1')).toBe(2);
    expect(await storage.check()).toEqual([]);
  });
});
