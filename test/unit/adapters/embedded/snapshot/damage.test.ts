/** A snapshot that rots, or a disk that fails, costs time at the next start and nothing else. */
import { beforeEach, expect, test } from 'vitest';
import {
  openEmbeddedSnapshotStore,
  type SnapshotStoreEvent,
} from '../../../../../src/adapters/embedded/snapshot/embedded-snapshot-store.ts';
import { at, contents, row, values } from '../../../../contract/snapshot-store-contract.ts';
import { PowerCutFileSystem } from '../../../../support/power-cut-file-system.ts';
import { seededRandom } from '../../../../support/seeded-random.ts';

const DIRECTORY = '/snapshot';
let fileSystem: PowerCutFileSystem;
let events: SnapshotStoreEvent[];

beforeEach(() => {
  fileSystem = new PowerCutFileSystem(seededRandom(5));
  events = [];
});

function open() {
  return openEmbeddedSnapshotStore({
    directory: DIRECTORY,
    fileSystem,
    observe: (event) => events.push(event),
  });
}

function damage(name: RegExp): void {
  for (const file of fileSystem.files().filter((path) => name.test(path))) fileSystem.contentOf(file).fill(0);
}

test('a rotten manifest: the one before counts, and what was written since is still there', async () => {
  const store = await open();
  await store.write([row('a', 1, 'v1')]);
  await store.saveCheckpoint([at(2)]);
  await store.write([row('a', 5, 'v2')]);
  await store.saveCheckpoint([at(6)]);
  await store.close();
  damage(/manifest-0000000001$/);

  const again = await open();
  expect(events).toMatchObject([{ type: 'damaged', path: '/snapshot/manifest-0000000001' }]);
  expect(await again.loadCheckpoint()).toEqual([2]);
  expect(await values(again)).toEqual({ a: 'v2' });
  await again.saveCheckpoint([at(7)]);
  await again.close();
  expect(await (await open()).loadCheckpoint()).toEqual([7]);
});

test('a rotten run: no checkpoint and no rows, so that the whole log is folded; then all is well again', async () => {
  const store = await open();
  await store.write(Array.from({ length: 3_000 }, (_, n) => row(`k${n}`, n)));
  await store.saveCheckpoint([at(3_000)]);
  await store.close();
  damage(/run-/);

  const again = await open();
  expect(events).toMatchObject([{ type: 'damaged', path: '/snapshot/run-0000000000' }]);
  expect(await again.loadCheckpoint()).toBeUndefined();
  expect(await contents(again)).toEqual([]);
  await again.write([row('k1', 1)]);
  await again.saveCheckpoint([at(3_000)]);
  await again.close();
  expect(await values(await open())).toEqual({ k1: 'value of k1' });
});

test('one changed byte anywhere in a run is found', async () => {
  const store = await open();
  await store.write(Array.from({ length: 20 }, (_, n) => row(`k${n}`, n)));
  await store.saveCheckpoint([at(20)]);
  await store.close();
  const run = fileSystem.files().find((path) => path.includes('run-')) ?? '';
  const bytes = fileSystem.contentOf(run);
  const magicBytes = 8;
  for (let position = magicBytes; position < bytes.length; position += 7) {
    const copy = new PowerCutFileSystem(
      seededRandom(1),
      new Map(fileSystem.files().map((file) => [file, fileSystem.contentOf(file)])),
    );
    copy.contentOf(run)[position] = (bytes[position] ?? 0) ^ 0x40;
    const damaged = await openEmbeddedSnapshotStore({ directory: DIRECTORY, fileSystem: copy });
    expect(await damaged.loadCheckpoint(), `byte ${position}`).toBeUndefined();
    await damaged.close();
  }
});

test('a full disk rejects the write, keeps what is there, and leaves no remains', async () => {
  const store = await open();
  await store.write([row('a', 1, 'v1')]);
  await store.saveCheckpoint([at(2)]);
  fileSystem.fail('write', 'ENOSPC');
  await expect(store.write([row('a', 3, 'v2')])).rejects.toMatchObject({ code: 'ENOSPC' });
  await expect(store.saveCheckpoint([at(4)])).rejects.toMatchObject({ code: 'ENOSPC' });
  expect(await store.loadCheckpoint()).toEqual([2]);
  fileSystem.fail('write', undefined);
  await store.write([row('a', 3, 'v2')]);
  await store.saveCheckpoint([at(4)]);
  expect(await values(store)).toEqual({ a: 'v2' });
  expect(fileSystem.files().filter((file) => file.includes('run-') && file.endsWith('.tmp'))).toEqual([]);
});

test('runs are merged, superseded rows and files go, and tombstones with them', async () => {
  const store = await open();
  for (let generation = 0; generation < 64; generation++) {
    const rows = Array.from({ length: 20 }, (_, n) =>
      row(`k${n}`, generation * 20 + n, generation === 63 ? null : `v${generation}`),
    );
    await store.write(rows);
    await store.saveCheckpoint([at((generation + 1) * 20)]);
    await store.merged();
  }
  expect(store.runCount).toBeLessThan(8);
  expect(await contents(store)).toEqual([]);
  expect(fileSystem.files().length).toBeLessThan(2 * 8 + 2);
  await store.close();
});
