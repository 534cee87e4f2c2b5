import { expect, test, vi } from 'vitest';
import { MemoryEventLog } from '../../../src/adapters/memory/memory-event-log.ts';
import { MemorySnapshotStore } from '../../../src/adapters/memory/memory-snapshot-store.ts';
import type { Offset } from '../../../src/event-log/event-log.ts';
import { MetadataService } from '../../../src/metadata/metadata-service.ts';
import { latestPerKey } from '../../../src/metadata/snapshot-fold.ts';
import type { SnapshotRow } from '../../../src/metadata/snapshot-store.ts';
import { record } from '../../contract/event-log-contract.ts';
import { values } from '../../contract/snapshot-store-contract.ts';
import { ManualTimers } from '../../support/manual-timers.ts';

/** A snapshot whose next steps fail on demand, before or after they took effect. */
class FailingSnapshotStore extends MemorySnapshotStore {
  failures: ('write' | 'write-after' | 'checkpoint')[] = [];
  written: (readonly SnapshotRow[])[] = [];

  override async write(rows: readonly SnapshotRow[]): Promise<void> {
    if (this.#fails('write')) throw new Error('disk full');
    await super.write(rows);
    this.written.push(rows);
    if (this.#fails('write-after')) throw new Error('connection lost');
  }

  override async saveCheckpoint(offsets: readonly Offset[]): Promise<void> {
    if (this.#fails('checkpoint')) throw new Error('disk full');
    await super.saveCheckpoint(offsets);
  }

  #fails(step: string): boolean {
    if (this.failures[0] !== step) return false;
    this.failures.shift();
    return true;
  }
}

async function start(partitions = 1, checkpointRecords = 100) {
  const log = new MemoryEventLog(partitions);
  const snapshot = new FailingSnapshotStore();
  const timers = new ManualTimers();
  const parts = { log, snapshot, fold: latestPerKey(), clock: timers, timers };
  const restart = () => MetadataService.start({ ...parts, checkpointRecords, checkpointIntervalMs: 5_000 });
  return { log, snapshot, timers, restart, service: await restart() };
}

test('a checkpoint is taken when enough records have come', async () => {
  const { log, snapshot, service } = await start(4);
  await log.append(Array.from({ length: 100 }, (_, n) => record(`k${n}`)));
  await vi.waitFor(() => {
    expect(service.checkpoints).toBe(1);
  });
  expect(service.lagRecords).toBe(0);
  expect(Object.keys(await values(snapshot))).toHaveLength(100);
  expect(await snapshot.loadCheckpoint()).toEqual(await log.endOffsets());
  await service.stop();
});

test('fewer records wait for the interval, and an idle service has no timer', async () => {
  const { log, snapshot, timers, service } = await start();
  expect(timers.count).toBe(0);
  await log.append([record('a'), record('b')]);
  timers.advance(4_999);
  expect(service.lagRecords).toBe(2);
  timers.advance(1);
  await service.flush();
  expect(await values(snapshot)).toEqual({ a: 'value of a', b: 'value of b' });
  expect(timers.count).toBe(0);
  await service.stop();
});

test('one batch has one row per key, the latest, removed ones included', async () => {
  const { log, snapshot, service } = await start();
  await log.append([
    record('a', 'p', '1'),
    record('b', 'p', '1'),
    record('a', 'p', '2'),
    record('b', 'p', null),
  ]);
  await service.flush();
  expect(snapshot.written).toHaveLength(1);
  expect(snapshot.written[0]?.map(({ key, offset }) => [key, offset])).toEqual([
    ['a', 2],
    ['b', 3],
  ]);
  expect(await values(snapshot)).toEqual({ a: '2' });
  await service.stop();
});

test('a record that somebody has put into another partition takes no row away', async () => {
  const { log, snapshot, service } = await start(4);
  const [own] = await log.append([record('a', 'p', 'own')]);
  const elsewhere = ['q', 'r', 's', 't', 'u'].find((name) => log.partitionOf(name) !== own?.partition);
  const [foreign] = await log.append([record('a', elsewhere, 'foreign')]);
  await service.flush();
  const written = snapshot.written.flat().map(({ partition, key }) => ({ partition, key }));
  expect(written).toHaveLength(2);
  for (const place of [own, foreign])
    expect(written).toContainEqual({ partition: place?.partition, key: 'a' });
  await service.stop();
});

test('a restart goes on from the checkpoint', async () => {
  const { log, snapshot, service, restart } = await start();
  await log.append([record('a', 'p', '1')]);
  await service.flush();
  await service.stop();
  await log.append([record('a', 'p', '2'), record('c')]);
  const again = await restart();
  expect(again.lagRecords).toBe(2);
  await again.flush();
  expect(await values(snapshot)).toEqual({ a: '2', c: 'value of c' });
  expect(snapshot.written[1]).toHaveLength(2);
  await again.stop();
});

test('failures are counted and tried again after a growing wait, and no row is lost', async () => {
  const { log, snapshot, timers, service } = await start();
  snapshot.failures = ['write', 'write-after', 'checkpoint', 'write'];
  await log.append([record('a'), record('b')]);
  const flushed = service.flush();
  for (const [failures, waitMs] of [100, 200, 400, 800].entries()) {
    await vi.waitFor(() => {
      expect(service.failures).toBe(failures + 1);
      expect(timers.count).toBe(1);
    });
    timers.advance(waitMs - 1);
    expect(timers.count).toBe(1);
    timers.advance(1);
  }
  await flushed;
  expect(Object.keys(await values(snapshot))).toEqual(['a', 'b']);
  expect(service.lagRecords).toBe(0);
  await service.stop();
});

test('stop does not wait for a snapshot that keeps failing', async () => {
  const { log, snapshot, service } = await start();
  snapshot.failures = Array.from({ length: 1_000 }, () => 'write');
  await log.append([record('a')]);
  const flushed = service.flush();
  await vi.waitFor(() => {
    expect(service.failures).toBe(1);
  });
  await service.stop();
  await expect(flushed).rejects.toThrow(/stopped before it was up to date/);
});

test('a flush under load covers what was appended before it', async () => {
  const { log, snapshot, service } = await start(3, 10);
  for (let round = 0; round < 50; round++) {
    await log.append([record(`k${round}`), record('same', 'p', `v${round}`)]);
    if (round % 7 === 0) {
      await service.flush();
      expect((await values(snapshot))['same']).toBe(`v${round}`);
    }
  }
  await service.stop();
});
