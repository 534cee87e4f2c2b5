import { expect, test } from 'vitest';
import { MemoryEventLog } from '../../../src/adapters/memory/memory-event-log.ts';
import { MemorySnapshotStore } from '../../../src/adapters/memory/memory-snapshot-store.ts';
import { bootstrap } from '../../../src/metadata/bootstrap.ts';
import { MetadataService } from '../../../src/metadata/metadata-service.ts';
import { latestPerKey } from '../../../src/metadata/snapshot-fold.ts';
import { record } from '../../contract/event-log-contract.ts';
import { ManualTimers } from '../../support/manual-timers.ts';

test('without a checkpoint the whole log is applied, with one the snapshot and the tail', async () => {
  const log = new MemoryEventLog(4);
  const snapshot = new MemorySnapshotStore();
  const timers = new ManualTimers();
  const applied: string[] = [];
  const options = { log, snapshot, clock: timers, apply: ({ key }: { key: string }) => applied.push(key) };

  await log.append([record('a'), record('b'), record('a'), record('gone', 'p', null)]);
  const first = await bootstrap(options);
  expect(first).toMatchObject({ snapshotRows: 0, tailRecords: 4 });
  await first.follower.stop();

  const service = await MetadataService.start({
    log,
    snapshot,
    fold: latestPerKey(),
    clock: timers,
    timers,
  });
  await service.flush();
  await service.stop();
  await log.append([record('c')]);
  applied.length = 0;
  const second = await bootstrap(options);
  expect(second).toMatchObject({ snapshotRows: 2, tailRecords: 1 });
  expect(applied.toSorted()).toEqual(['a', 'b', 'c']);

  await log.append([record('later')]);
  expect(applied.at(-1)).toBe('later');
  await second.follower.stop();
});

test('progress is reported per phase', async () => {
  const log = new MemoryEventLog();
  const snapshot = new MemorySnapshotStore();
  const progress: [string, number][] = [];
  await snapshot.write([{ ...record('a'), partition: 0, offset: (await log.endOffsets())[0] ?? raise() }]);
  await snapshot.saveCheckpoint(await log.endOffsets());
  await log.append([record('b')]);
  const { follower } = await bootstrap({
    log,
    snapshot,
    clock: new ManualTimers(),
    apply: () => undefined,
    onProgress: (phase, applied) => progress.push([phase, applied]),
  });
  expect(progress).toEqual([
    ['snapshot', 0],
    ['snapshot', 1],
    ['tail', 0],
    ['tail', 1],
  ]);
  await follower.stop();
});

function raise(): never {
  throw new Error('The log has no partition.');
}

test('what a removed row had overruled does not come back when its records are read again', async () => {
  const log = new MemoryEventLog();
  const snapshot = new MemorySnapshotStore();
  const [overruled, removal, later] = [record('a'), record('a', 'p', null), record('a')];
  const positions = await log.append([record('a'), overruled, removal]);
  const [, , position] = positions;
  if (position === undefined) throw new Error('the log has no third record');
  // Written by somebody who came no further: the checkpoint lies before the record that did not count.
  await snapshot.write([{ ...removal, ...position }]);
  await snapshot.saveCheckpoint([positions[1]?.offset ?? position.offset]);
  const applied: number[] = [];
  const { follower } = await bootstrap({
    log,
    snapshot,
    clock: new ManualTimers(),
    apply: ({ offset }) => applied.push(offset),
  });
  expect(applied).toEqual([]);
  const [next] = await log.append([later]);
  expect(applied).toEqual([next?.offset]);
  await follower.stop();
});
