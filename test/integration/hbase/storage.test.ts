/** `spoke storage` against a real HBase: what it makes, finds wrong and puts right. */
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { HBaseClient } from '../../../src/adapters/hbase/client/hbase-client.ts';
import { claimTable } from '../../../src/adapters/hbase/tables/table-owner.ts';
import { connectHBase } from '../../support/hbase-queues.ts';
import { CliHarness, type CliRun } from '../../unit/cli/cli-harness.ts';

const NAMESPACE = 'storage_test';
const TABLE = `${NAMESPACE}:queues`;

let client: HBaseClient;
beforeAll(async () => {
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
    const { code, err } = await spoke('storage check', { SPOKE_HBASE_ZOOKEEPER_QUORUM: '127.0.0.1:1' });
    expect(code).toBe(1);
    expect(err).toContain('ZooKeeper');
  });

  it('has nothing to do where queues are embedded', async () => {
    const { code, out } = await spoke('storage apply', { SPOKE_QUEUES_STORE: 'embedded' });
    expect(code).toBe(0);
    expect(out).toContain('nothing to do');
  });
});
