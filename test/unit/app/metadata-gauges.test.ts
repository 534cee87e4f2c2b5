/** How far the snapshots are behind, as whoever watches the metrics sees it. */
import { expect, test } from 'vitest';
import { MemoryEventLog } from '../../../src/adapters/memory/memory-event-log.ts';
import { MemorySnapshotStore } from '../../../src/adapters/memory/memory-snapshot-store.ts';
import { serviceGauges } from '../../../src/app/metadata-gauges.ts';
import { MetadataService } from '../../../src/metadata/metadata-service.ts';
import { latestPerKey } from '../../../src/metadata/snapshot-fold.ts';
import { record } from '../../contract/event-log-contract.ts';
import { ManualTimers } from '../../support/manual-timers.ts';

test('lag is told per topic and partition, in records and in seconds, until the checkpoint has them', async () => {
  const log = new MemoryEventLog(2);
  const timers = new ManualTimers();
  const parts = { log, snapshot: new MemorySnapshotStore(), fold: latestPerKey(), clock: timers, timers };
  const service = await MetadataService.start({ ...parts, checkpointIntervalMs: 60_000 });
  const gauges = serviceGauges([{ name: 'sessions', service }]);
  const read = (name: string) => gauges.find((gauge) => gauge.name === name)?.read();
  const [{ partition } = { partition: 0 }] = await log.append([record('a', 'p'), record('b', 'p')]);
  timers.advance(7_000);
  const behind = { labels: { topic: 'sessions', partition: `${partition}` } };
  const upToDate = { labels: { topic: 'sessions', partition: `${1 - partition}` }, value: 0 };
  const inOrder = <T>(one: T, other: T): T[] => (partition === 0 ? [one, other] : [other, one]);
  expect(read('spoke_snapshot_lag_records')).toEqual(inOrder({ ...behind, value: 2 }, upToDate));
  expect(read('spoke_snapshot_lag_seconds')).toEqual(inOrder({ ...behind, value: 7 }, upToDate));
  await service.flush();
  expect(read('spoke_snapshot_lag_records')).toEqual(inOrder({ ...behind, value: 0 }, upToDate));
  expect(read('spoke_snapshot_lag_seconds')).toEqual(inOrder({ ...behind, value: 0 }, upToDate));
  await service.stop();
});
