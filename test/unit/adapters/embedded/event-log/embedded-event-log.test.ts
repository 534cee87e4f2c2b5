import { expect, test } from 'vitest';
import {
  openEmbeddedEventLog,
  type EventLogEvent,
} from '../../../../../src/adapters/embedded/event-log/embedded-event-log.ts';
import type { Offset } from '../../../../../src/event-log/event-log.ts';
import { fold, readAll, record } from '../../../../contract/event-log-contract.ts';
import { PowerCutFileSystem } from '../../../../support/power-cut-file-system.ts';
import { seededRandom } from '../../../../support/seeded-random.ts';

const DAY_MS = 24 * 3_600_000;

function open(fileSystem: PowerCutFileSystem, nowMs = 0, events: EventLogEvent[] = []) {
  return openEmbeddedEventLog({
    directory: '/log',
    durability: 'fsync',
    nowMs: () => nowMs,
    segmentBytes: 2_000,
    fileSystem,
    observe: (event) => events.push(event),
  });
}

function newDisk(): PowerCutFileSystem {
  return new PowerCutFileSystem(seededRandom(11));
}

test('many appends share one sync', async () => {
  const fileSystem = newDisk();
  const log = await openEmbeddedEventLog({
    directory: '/log',
    durability: 'fsync',
    nowMs: () => 0,
    fileSystem,
  });
  const before = fileSystem.syncs;
  await Promise.all(Array.from({ length: 500 }, (_, n) => log.append([record(`k${n}`)])));
  expect(fileSystem.syncs - before).toBeLessThanOrEqual(2);
  await log.close();
});

test('nothing younger than the compaction lag is compacted', async () => {
  const fileSystem = newDisk();
  for (const [nowMs, remaining] of [
    [7 * DAY_MS, 200],
    [7 * DAY_MS + 2, 30],
  ] as const) {
    const log = await open(fileSystem, nowMs);
    if (nowMs === 7 * DAY_MS) {
      for (let n = 0; n < 200; n++) await log.append([record(`k${n % 5}`, 'p')]);
    }
    await log.compact();
    const entries = await readAll(log);
    if (remaining === 200) expect(entries).toHaveLength(200);
    else expect(entries.length).toBeLessThan(remaining);
    expect(fold(entries).size).toBe(5);
    await log.close();
  }
});

test('tombstones stay until those who fold the log have seen them', async () => {
  const log = await open(newDisk(), 8 * DAY_MS);
  await log.append([record('gone', 'p')]);
  await log.append([record('gone', 'p', null)]);
  for (let n = 0; n < 100; n++) await log.append([record(`k${n}`, 'p')]);
  await log.compact();
  expect((await readAll(log)).map(({ key, value }) => [key, value])).toContainEqual(['gone', null]);
  expect((await readAll(log))[0]?.offset).toBe(1);

  log.keepTombstonesFrom(() => 50 as Offset);
  for (let n = 0; n < 100; n++) await log.append([record(`k${n}`, 'p')]);
  await log.compact();
  expect((await readAll(log)).map(({ key }) => key)).not.toContain('gone');
  await log.close();
});

test('a range of time is found in archive and journal', async () => {
  const log = await open(newDisk());
  for (let n = 0; n < 200; n++) await log.append([{ ...record(`k${n}`, 'p'), timestampMs: n * 10 }]);
  await log.compact();
  expect(await log.offsetsAt(0)).toEqual([0]);
  expect(await log.offsetsAt(41)).toEqual([5]);
  expect(await log.offsetsAt(1_990)).toEqual([199]);
  expect(await log.offsetsAt(1_991)).toEqual([200]);
  await log.close();
});

test('an archive file that rots costs its own records, is reported, and the log opens', async () => {
  const fileSystem = newDisk();
  const log = await open(fileSystem, 0);
  for (let n = 0; n < 200; n++) await log.append([record(`k${n}`, 'p')]);
  await log.compact();
  await log.close();
  const [damaged = ''] = fileSystem.files().filter((file) => file.includes('archive-'));
  fileSystem.contentOf(damaged).fill(0);

  const events: EventLogEvent[] = [];
  const again = await open(fileSystem, 0, events);
  expect(events).toMatchObject([{ type: 'damaged', path: damaged }]);
  const keys = (await readAll(again)).map(({ key }) => key);
  expect(keys.at(-1)).toBe('k199');
  expect((await again.append([record('next', 'p')]))[0]?.offset).toBe(200);
  await again.close();
});

test('offsets that a snapshot knows are not given again', async () => {
  const fileSystem = newDisk();
  const log = await open(fileSystem);
  await log.append([record('a')]);
  log.advanceTo(1_000 as Offset);
  expect(await log.append([record('b')])).toEqual([{ partition: 0, offset: 1_000 }]);
  await log.close();
  const again = await open(fileSystem);
  expect((await readAll(again)).map(({ offset }) => offset)).toEqual([0, 1_000]);
  await again.close();
});

test('a disk that fails is said to be unavailable; what was staged before keeps its place', async () => {
  const fileSystem = newDisk();
  const log = await open(fileSystem);
  await log.append([record('a', 'p')]);
  fileSystem.fail('datasync', 'EIO');
  await expect(log.append([record('b', 'p')])).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  await expect(log.append([record('c', 'p')])).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  expect(await log.endOffsets()).toEqual([1]);
  fileSystem.fail('datasync', undefined);
  await log.close();
  const again = await open(fileSystem);
  expect((await readAll(again)).map(({ key }) => key)).toEqual(['a', 'b']);
  await again.close();
});
