/** Snapshots in a real HBase beyond their contract: stale writers and compactions, dead writers, repairs, rows of unusual size. */
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import type { HBaseClient } from '../../../src/adapters/hbase/client/hbase-client.ts';
import { openHBaseSnapshotStore } from '../../../src/adapters/hbase/snapshot/hbase-snapshot-store.ts';
import { SnapshotRepair } from '../../../src/adapters/hbase/snapshot/snapshot-repair.ts';
import type { SnapshotStore } from '../../../src/metadata/snapshot-store.ts';
import { at, contents, row, values } from '../../contract/snapshot-store-contract.ts';
import { connectHBase } from '../../support/hbase-queues.ts';
import { newNamespace, PARTITIONS } from '../../support/hbase-snapshots.ts';

const MIB = 1024 * 1024;
const TABLES = ['sessions', 'checkpoints'] as const;

let client: HBaseClient;
let namespace: string;
let store: SnapshotStore;
let repair: SnapshotRepair;

beforeAll(async () => {
  client = await connectHBase(inject('zookeeperQuorum'));
});
afterAll(() => {
  client.close();
});
beforeEach(async () => {
  namespace = await newNamespace(client, ...TABLES);
  const options = { client, namespace, topic: 'sessions', partitionCount: PARTITIONS } as const;
  store = await openHBaseSnapshotStore(options);
  repair = new SnapshotRepair(options);
});

/** Writes everything to files and makes one of them: delete markers and what they hide are gone afterwards. */
async function compact(): Promise<void> {
  for await (const region of client.regions(`${namespace}:sessions`)) {
    await client.master.flushRegion(region);
    await client.master.compactRegion(region, true);
    await expect.poll(() => client.master.isCompacting(region), { timeout: 30_000 }).toBe(false);
  }
}

describe('a stale writer', () => {
  it('never wins over a newer row or a tombstone, before and after a major compaction', async () => {
    await store.write([row('newer', 20, 'new'), row('removed', 20, null), row('both', 10, 'old')]);
    await store.write([row('both', 20, null)]);
    const stale = [row('newer', 19, 'stale'), row('removed', 19, 'stale'), row('both', 19, 'stale')];
    await store.write(stale);
    expect(await values(store)).toEqual({ newer: 'new' });
    await compact();
    expect(await values(store)).toEqual({ newer: 'new' });
    await store.write(stale);
    expect(await values(store)).toEqual({ newer: 'new' });
    await compact();
    expect(await values(store)).toEqual({ newer: 'new' });
    await store.write([row('removed', 21, 'back')]);
    expect(await values(store)).toEqual({ newer: 'new', removed: 'back' });
  });

  it('of two that write at once the one with the later record wins, key by key', async () => {
    const generations = Array.from({ length: 10 }, (_, generation) =>
      Array.from({ length: 200 }, (__, key) =>
        row(`k${key}`, generation * 1_000 + key, key % 10 === generation ? null : `v${generation}`),
      ),
    );
    await Promise.all(generations.map((rows) => store.write(rows)));
    const found = await values(store);
    expect(Object.keys(found)).toHaveLength(180);
    expect(new Set(Object.values(found))).toEqual(new Set(['v9']));
  });
});

describe('a writer', () => {
  it('that is killed between rows and checkpoint loses nothing, nor does one in the middle of its rows', async () => {
    const log = Array.from({ length: 3_000 }, (_, n) => row(`k${n % 700}`, n, n % 5 === 0 ? null : `v${n}`));
    const fold = async (into: SnapshotStore, through: number): Promise<void> => {
      const [from] = (await into.loadCheckpoint()) ?? [0];
      for (let start = from ?? 0; start < through; start += 500) {
        await into.write(log.slice(start, start + 500));
        if (start + 500 < through) await into.saveCheckpoint([at(start + 500)]);
      }
    };
    await fold(store, 1_500);
    expect(await store.loadCheckpoint()).toEqual([1_000]);
    const dying = await connectHBase(inject('zookeeperQuorum'));
    const options = { client: dying, namespace, topic: 'sessions', partitionCount: PARTITIONS } as const;
    const broken = fold(await openHBaseSnapshotStore(options), log.length);
    await expect.poll(() => dying.stats.callsPending).toBeGreaterThan(0);
    dying.close();
    await expect(broken).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await fold(store, log.length);
    const expected = Object.fromEntries(
      log
        .filter(({ offset }) => offset >= log.length - 700)
        .map(({ key, value }) => [key, value?.toString()]),
    );
    const live = Object.entries(expected).filter(([, value]) => value !== undefined);
    expect(await values(store)).toEqual(Object.fromEntries(live));
  });
});

describe('repairs', () => {
  it('find tombstones older than a time, of all partitions or one, and take them out for good', async () => {
    await store.write([
      { ...row('old', 5, null), timestampMs: 1_000 },
      { ...row('old too', 6, null), timestampMs: 1_999, partition: 7 },
      { ...row('young', 7, null), timestampMs: 2_000 },
      { ...row('live', 8), timestampMs: 1_000 },
    ]);
    const found = (await rowsOf(repair.tombstones(2_000))).toSorted((a, b) => a.offset - b.offset);
    expect(found.map(({ key, value, partition }) => [key, value, partition])).toEqual([
      ['old', null, 0],
      ['old too', null, 7],
    ]);
    expect((await rowsOf(repair.tombstones(2_000, 7))).map(({ key }) => key)).toEqual(['old too']);
    await store.write([{ ...row('old too', 9, 'meanwhile'), partition: 7 }]);
    await repair.removeThrough(found);
    expect((await rowsOf(repair.tombstones(Infinity))).map(({ key }) => key)).toEqual(['young']);
    expect(await values(store)).toEqual({ live: 'value of live', 'old too': 'meanwhile' });
  });

  it('that take a tombstone out bring no older version back, compacted or not', async () => {
    await store.write([row('k', 1, 'first')]);
    await store.write([row('k', 2, null)]);
    await repair.removeThrough([{ partition: 0, key: 'k', offset: at(2) }]);
    expect(await contents(store)).toEqual([]);
    await compact();
    expect(await contents(store)).toEqual([]);
    // Nothing is left of it, and a later record is taken as the first.
    await store.write([row('k', 3, 'again')]);
    expect(await values(store)).toEqual({ k: 'again' });
  });

  it('remove a row with an offset that the log never gave, and write the right one below it', async () => {
    await store.write([row('k', 10, 'true')]);
    await store.write([row('k', 1_000, 'from nowhere')]);
    await repair.removeExactly([{ partition: 0, key: 'k', offset: at(1_000) }]);
    await store.write([row('k', 10, 'true')]);
    expect(await values(store)).toEqual({ k: 'true' });
    await compact();
    expect(await values(store)).toEqual({ k: 'true' });
  });

  it('write over a row with its own offset', async () => {
    await store.write([row('k', 10, 'wrong')]);
    await compact();
    await store.write([row('k', 10, 'right')]);
    expect(await values(store)).toEqual({ k: 'right' });
    await compact();
    expect(await values(store)).toEqual({ k: 'right' });
  });
});

it('keeps keys longer than a row of HBase, values larger than its limit, and every partition apart', async () => {
  const topic = `r\0default\0${'a/'.repeat(32_000)}`;
  await store.write([row(topic, 1), row(`${topic}b`, 2)]);
  await store.write([
    { ...row('big', 3), partition: 3, value: Buffer.alloc(11 * MIB, 7) },
    row(topic, 4, null),
  ]);
  const found = await contents(store);
  expect(found.map(({ key, partition }) => [key, partition])).toEqual([
    ['big', 3],
    [`${topic}b`, 0],
  ]);
  expect(found.map(({ value }) => value?.length)).toEqual([11 * MIB, `value of ${topic}b`.length]);
  await expect(store.write([{ ...row('k', 1), partition: PARTITIONS }])).rejects.toThrow('partitions 0 to 7');
});

it('is away, and says what to do, when its tables are missing or it was closed', async () => {
  const missing = await openHBaseSnapshotStore({
    client,
    namespace,
    topic: 'retained',
    partitionCount: PARTITIONS,
  });
  await expect(missing.write([row('k', 1)])).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  await expect(contents(missing)).rejects.toThrow('run "spoke storage apply"');
  expect(await missing.loadCheckpoint()).toBeUndefined();
  await store.close();
  await expect(store.write([row('k', 1)])).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
});

async function rowsOf<T>(batches: AsyncIterable<readonly T[]>): Promise<T[]> {
  const rows: T[] = [];
  for await (const batch of batches) rows.push(...batch);
  return rows;
}
