/**
 * Writes the whole history of a fleet to a session log as brokers do, and a snapshot that lacks the last hundredth of the
 * bikes' visits.
 */
import type { Topic } from '../../src/app/broker-stores.ts';
import type { LogRecord } from '../../src/event-log/event-log.ts';
import { MetadataService } from '../../src/metadata/metadata-service.ts';
import { latestPerKey } from '../../src/metadata/snapshot-fold.ts';
import { SystemClock, SystemTimers } from '../../src/transport/system-time.ts';
import { firstVisit, laterVisit } from './fleet-records.ts';

const RECORDS_PER_APPEND = 5_000;
/** Enough to keep a log busy that answers over the network. */
const APPENDS_AT_ONCE = 4;
/** One bike in this many came again after the last checkpoint. */
const TAIL_EVERY = 100;

export async function writeHistory({ log, snapshot }: Topic, sessions: number): Promise<void> {
  const clock = new SystemClock();
  const appendAll = async (records: Iterable<LogRecord>): Promise<void> => {
    const waiting = batches(records);
    const append = async (): Promise<void> => {
      for (const batch of waiting) await log.append(batch);
    };
    await Promise.all(Array.from({ length: APPENDS_AT_ONCE }, append));
  };
  await appendAll(visits(sessions, 1, (bike) => firstVisit(bike, clock.nowMs())));
  const service = await MetadataService.start({
    log,
    snapshot,
    fold: latestPerKey(),
    clock,
    timers: new SystemTimers(),
  });
  await service.flush();
  await service.stop();
  await appendAll(visits(sessions, TAIL_EVERY, (bike) => laterVisit(bike, clock.nowMs())));
}

function* visits(
  sessions: number,
  every: number,
  visit: (bike: number) => readonly LogRecord[],
): Generator<LogRecord> {
  for (let bike = 0; bike < sessions; bike += every) yield* visit(bike);
}

function* batches(records: Iterable<LogRecord>): Generator<readonly LogRecord[]> {
  let batch: LogRecord[] = [];
  for (const record of records) {
    batch.push(record);
    if (batch.length < RECORDS_PER_APPEND) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
