/** The metadata service as partitions come and go. */
import { expect, test, vi } from 'vitest';
import { MemoryEventLog } from '../../../src/adapters/memory/memory-event-log.ts';
import { MemorySnapshotStore } from '../../../src/adapters/memory/memory-snapshot-store.ts';
import type { LogRecord, Offset } from '../../../src/event-log/event-log.ts';
import { MetadataService } from '../../../src/metadata/metadata-service.ts';
import { latestPerKey } from '../../../src/metadata/snapshot-fold.ts';
import { record } from '../../contract/event-log-contract.ts';
import { values } from '../../contract/snapshot-store-contract.ts';
import { ManualShare } from '../../support/manual-share.ts';
import { ManualTimers } from '../../support/manual-timers.ts';

const PARTITIONS = 4;

/** A snapshot whose next write waits until it is let through. */
class SlowSnapshotStore extends MemorySnapshotStore {
  readonly checkpoints: (readonly Offset[])[] = [];
  #gate: Promise<void> | undefined;

  hold(): () => void {
    let open: () => void = () => undefined;
    this.#gate = new Promise((resolve) => {
      open = resolve;
    });
    return open;
  }

  override async write(rows: Parameters<MemorySnapshotStore['write']>[0]): Promise<void> {
    await this.#gate;
    await super.write(rows);
  }

  override async saveCheckpoint(offsets: readonly Offset[]): Promise<void> {
    this.checkpoints.push(offsets);
    await super.saveCheckpoint(offsets);
  }
}

async function rig() {
  const log = new MemoryEventLog(PARTITIONS);
  const snapshot = new SlowSnapshotStore();
  const timers = new ManualTimers();
  const start = (share: ManualShare) =>
    MetadataService.start({
      log,
      snapshot,
      fold: latestPerKey(),
      share,
      clock: timers,
      timers,
      checkpointRecords: 1,
    });
  const inPartition = await partitionKeys(log);
  const put = (partition: number, key: string, value?: string): LogRecord =>
    record(key, inPartition[partition], value);
  return { log, snapshot, timers, start, put };
}

/** A partition key of each partition. */
async function partitionKeys(log: MemoryEventLog): Promise<string[]> {
  const keys: string[] = [];
  for (let n = 0; keys.filter((key) => key !== '').length < PARTITIONS; n++) {
    const probe = new MemoryEventLog(log.partitionCount);
    const [position] = await probe.append([record('probe', `p${n}`)]);
    if (position !== undefined) keys[position.partition] ??= `p${n}`;
  }
  return keys;
}

test('only the share is folded, and its lag is the only one', async () => {
  const { log, snapshot, start, put } = await rig();
  const share = new ManualShare([0, 2]);
  const service = await start(share);
  await log.append([put(0, 'a'), put(1, 'b'), put(2, 'c'), put(3, 'd')]);
  await service.flush();
  expect(await values(snapshot)).toEqual({ a: 'value of a', c: 'value of c' });
  expect(await snapshot.loadCheckpoint()).toEqual([1, 0, 1, 0]);
  expect(service.lags.map(({ partition, records }) => [partition, records])).toEqual([
    [0, 0],
    [2, 0],
  ]);
  await service.stop();
});

test('without a share there is nothing to do until one comes', async () => {
  const { log, snapshot, timers, start, put } = await rig();
  const share = new ManualShare();
  const service = await start(share);
  await log.append([put(1, 'b')]);
  await service.flush();
  expect(timers.count).toBe(0);
  expect(await values(snapshot)).toEqual({});
  share.assign([1]);
  await vi.waitFor(async () => {
    expect(await values(snapshot)).toEqual({ b: 'value of b' });
  });
  await service.stop();
});

test('whoever takes a partition on goes on from the checkpoint of the one before', async () => {
  const { log, snapshot, start, put } = await rig();
  const [one, other] = [new ManualShare([0, 1, 2, 3]), new ManualShare([])];
  const first = await start(one);
  const second = await start(other);
  await log.append([put(0, 'a', '1'), put(3, 'd', '1')]);
  await first.flush();
  one.assign([0, 1]);
  other.assign([2, 3]);
  await log.append([put(0, 'a', '2'), put(3, 'd', '2')]);
  await Promise.all([first.flush(), second.flush()]);
  expect(await values(snapshot)).toEqual({ a: '2', d: '2' });
  expect(second.records).toBe(1);
  expect(other.noted.at(-1)).toEqual({ 3: 2 });
  expect(first.checkpoint).toEqual([2, 0, 0, 0]);
  await Promise.all([first.stop(), second.stop()]);
});

test('a partition that is let go while its batch is written, and comes back, is folded from its checkpoint', async () => {
  const { log, snapshot, start, put } = await rig();
  const share = new ManualShare([0, 1]);
  const service = await start(share);
  const open = snapshot.hold();
  await log.append([put(0, 'a', '1'), put(1, 'b', '1')]);
  const flushed = service.flush();
  await vi.waitFor(() => {
    expect(service.records).toBe(2);
  });
  share.assign([1]);
  share.assign([0, 1]);
  await log.append([put(0, 'a', '2')]);
  open();
  await flushed;
  await service.flush();
  expect(await values(snapshot)).toEqual({ a: '2', b: '1' });
  expect(await snapshot.loadCheckpoint()).toEqual([2, 1, 0, 0]);
  await service.stop();
});

test('a partition that fills every batch keeps no other one waiting', async () => {
  const { log, snapshot, start, put } = await rig();
  await log.append(Array.from({ length: 120_000 }, (_, n) => put(0, `k${n}`, '')));
  await log.append([put(1, 'b')]);
  const service = await start(new ManualShare([0, 1]));
  await service.flush();
  expect(snapshot.checkpoints).toEqual([
    [50_000, 0, 0, 0],
    [100_000, 1, 0, 0],
    [120_000, 0, 0, 0],
  ]);
  await service.stop();
});

test('the lag in time is the age of the first record that is not in the checkpoint', async () => {
  const { log, snapshot, timers, start, put } = await rig();
  timers.advance(60_000);
  await log.append([{ ...put(0, 'a'), timestampMs: 20_000 }]);
  const open = snapshot.hold();
  const service = await start(new ManualShare([0]));
  await vi.waitFor(() => {
    expect(service.records).toBe(1);
  });
  expect(service.lags).toEqual([{ partition: 0, records: 1, ms: 40_000 }]);
  open();
  await service.flush();
  expect(service.lags).toEqual([{ partition: 0, records: 0, ms: 0 }]);
  await service.stop();
});

test('a service that finishes takes one more checkpoint, and does not insist', async () => {
  const { log, snapshot, start, put } = await rig();
  const service = await start(new ManualShare([0]));
  await log.append([put(0, 'a')]);
  await service.finish();
  expect(await values(snapshot)).toEqual({ a: 'value of a' });
  const again = await start(new ManualShare([0]));
  await log.append([put(0, 'b')]);
  snapshot.write = () => Promise.reject(new Error('disk full'));
  await again.finish();
  expect(again.failures).toBeGreaterThan(0);
});
