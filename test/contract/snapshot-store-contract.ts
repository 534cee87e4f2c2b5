/** What every snapshot store promises. An adapter's test calls `snapshotStoreContract` with its harness. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Offset } from '../../src/event-log/event-log.ts';
import type { SnapshotRow, SnapshotStore } from '../../src/metadata/snapshot-store.ts';

/** One snapshot, empty at first. */
export interface SnapshotStoreHarness {
  open(): Promise<SnapshotStore>;
  /** Whether rows and checkpoint outlive the instance. */
  readonly durable: boolean;
  dispose(): Promise<void>;
}

export function snapshotStoreContract(name: string, makeHarness: () => Promise<SnapshotStoreHarness>): void {
  describe(`snapshot store contract: ${name}`, () => {
    let harness: SnapshotStoreHarness;
    let store: SnapshotStore;

    beforeEach(async () => {
      harness = await makeHarness();
      store = await harness.open();
    });

    afterEach(async () => {
      await store.close();
      await harness.dispose();
    });

    test('a new snapshot has no checkpoint and no rows', async () => {
      expect(await store.loadCheckpoint()).toBeUndefined();
      expect(await contents(store)).toEqual([]);
    });

    test('rows come back as they were written', async () => {
      const rows: SnapshotRow[] = [
        { ...row('k\0ü\0🚲', 4), value: Buffer.from([0, 1, 255]), event: 'Opened', timestampMs: 2 ** 52 },
        { ...row('empty', 5), value: Buffer.alloc(0), event: '', timestampMs: 0, partition: 7 },
        { ...row('big', 2 ** 52), value: Buffer.alloc(70_000, 7) },
      ];
      await store.write(rows);
      await store.saveCheckpoint([at(2 ** 52 + 1)]);
      expect(await contents(store)).toEqual(rows.toSorted(byKey));
    });

    test('the higher offset wins, in whatever order the rows come', async () => {
      await store.write([row('a', 3, 'new'), row('a', 2, 'old'), row('b', 1, 'old')]);
      await store.write([row('b', 4, 'new'), row('c', 9, 'new')]);
      await store.write([row('c', 8, 'old')]);
      expect(await values(store)).toEqual({ a: 'new', b: 'new', c: 'new' });
    });

    test('a scan of one partition has its rows and no others', async () => {
      await store.write([
        { ...row('a', 1), partition: 0 },
        { ...row('b', 1), partition: 3 },
        { ...row('c', 2), partition: 3 },
        { ...row('d', 3, null), partition: 3 },
        { ...row('e', 1), partition: 4 },
      ]);
      const keysOf = async (partition: number): Promise<string[]> =>
        (await contents(store, partition)).map(({ key }) => key);
      expect(await keysOf(0)).toEqual(['a']);
      expect(await keysOf(3)).toEqual(['b', 'c']);
      expect(await keysOf(1)).toEqual([]);
      expect(await contents(store)).toHaveLength(4);
    });

    test('a row written twice is one row', async () => {
      await store.write([row('a', 3, 'v')]);
      await store.write([row('a', 3, 'v')]);
      expect(await contents(store)).toHaveLength(1);
    });

    test('null removes a row, and an older row does not bring it back', async () => {
      await store.write([row('a', 1, 'v'), row('b', 2, 'v')]);
      await store.write([row('a', 5, null)]);
      await store.write([row('a', 4, 'older')]);
      expect(await values(store)).toEqual({ b: 'v' });
      await store.saveCheckpoint([at(6)]);
      await store.write([row('a', 3, 'older')]);
      expect(await values(store)).toEqual({ b: 'v' });
      await store.write([row('a', 7, 'back')]);
      expect(await values(store)).toEqual({ a: 'back', b: 'v' });
    });

    test('a scan tells what was removed behind the checkpoint, to whoever asks', async () => {
      await store.write([row('a', 1), row('b', 2), row('c', 3), { ...row('d', 3), partition: 1 }]);
      await store.write([row('a', 4, null), row('b', 6, null), { ...row('d', 9, null), partition: 1 }]);
      await store.saveCheckpoint([at(5), at(2)]);
      const told = async (from: readonly Offset[], partition?: number): Promise<Record<string, boolean>> => {
        const rows: SnapshotRow[] = [];
        for await (const batch of store.scan(partition, from)) rows.push(...batch);
        return Object.fromEntries(rows.map(({ key, value }) => [key, value !== null]));
      };
      expect(await told([at(5), at(2)])).toEqual({ b: false, c: true, d: false });
      expect(await told([at(5), at(2)], 1)).toEqual({ d: false });
      expect(await told([at(7), at(10)])).toEqual({ c: true });
      expect(await told([])).toEqual({ c: true });
    });

    test('a checkpoint never moves backwards, in any partition', async () => {
      await store.saveCheckpoint([at(10), at(5)]);
      await store.saveCheckpoint([at(4), at(8)]);
      expect(await store.loadCheckpoint()).toEqual([10, 8]);
    });

    test('many generations of rows fold to the latest of each key', async () => {
      const expected: Record<string, string> = {};
      for (let generation = 0; generation < 30; generation++) {
        const rows: SnapshotRow[] = [];
        for (let key = generation % 3; key < 200; key += 3) {
          const removed = (key + generation) % 5 === 0;
          const offset = generation * 200 + key;
          rows.push(row(`k${key}`, offset, removed ? null : `v${generation}`));
          if (removed) Reflect.deleteProperty(expected, `k${key}`);
          else expected[`k${key}`] = `v${generation}`;
        }
        await store.write(rows);
        await store.saveCheckpoint([at((generation + 1) * 200)]);
      }
      expect(await values(store)).toEqual(expected);
    });

    test('rows written during a scan do not disturb it', async () => {
      await store.write(Array.from({ length: 5_000 }, (_, n) => row(`k${n}`, n)));
      const keys = new Set<string>();
      let round = 0;
      for await (const batch of store.scan()) {
        for (const { key } of batch) keys.add(key);
        await store.write([row('k0', 10_000 + round, 'again'), row(`new${round}`, 20_000 + round)]);
        await store.saveCheckpoint([at(30_000 + round++)]);
      }
      for (let n = 0; n < 5_000; n++) expect(keys.has(`k${n}`)).toBe(true);
    });

    test('rows and checkpoint outlive the instance', async () => {
      if (!harness.durable) return;
      await store.write([row('a', 1, 'v'), row('b', 2, 'v')]);
      await store.saveCheckpoint([at(3), at(0)]);
      await store.close();
      store = await harness.open();
      expect(await store.loadCheckpoint()).toEqual([3, 0]);
      expect(await values(store)).toEqual({ a: 'v', b: 'v' });
    });
  });
}

export function at(offset: number): Offset {
  return offset as Offset;
}

export function row(key: string, offset: number, value: string | null = `value of ${key}`): SnapshotRow {
  return {
    partition: 0,
    offset: at(offset),
    key,
    value: value === null ? null : Buffer.from(value),
    event: value === null ? 'Removed' : 'Set',
    timestampMs: 1,
  };
}

/** Every row, of one partition or of all, sorted by key. */
export async function contents(store: SnapshotStore, partition?: number): Promise<SnapshotRow[]> {
  const rows: SnapshotRow[] = [];
  for await (const batch of store.scan(partition)) rows.push(...batch);
  return rows.toSorted(byKey);
}

/** Value of each key. */
export async function values(store: SnapshotStore): Promise<Record<string, string>> {
  const rows = await contents(store);
  return Object.fromEntries(rows.map(({ key, value }) => [key, value?.toString() ?? 'null']));
}

function byKey(a: SnapshotRow, b: SnapshotRow): number {
  return a.key < b.key ? -1 : Number(a.key > b.key);
}
