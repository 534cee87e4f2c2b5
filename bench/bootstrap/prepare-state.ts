/**
 * Writes a data directory as a broker leaves it: the whole history of a fleet on the session log, and a snapshot that
 * lacks the last hundredth of the bikes' visits.
 */
import { openEmbeddedStores } from '../../src/app/embedded-stores.ts';
import { createLogger } from '../../src/app/logging.ts';
import type { LogRecord } from '../../src/event-log/event-log.ts';
import { MetadataService } from '../../src/metadata/metadata-service.ts';
import { SessionFold } from '../../src/metadata/session-fold.ts';
import { SystemClock, SystemTimers } from '../../src/transport/system-time.ts';
import { firstVisit, laterVisit } from './fleet-records.ts';
import { brokerConfig } from './broker-config.ts';

const RECORDS_PER_APPEND = 5_000;
/** One bike in this many came again after the last checkpoint. */
const TAIL_EVERY = 100;

export async function prepareState(directory: string, sessions: number): Promise<void> {
  const config = brokerConfig(directory);
  const clock = new SystemClock();
  const logger = createLogger(config.log, { isTerminal: false, write: () => undefined });
  const stores = await openEmbeddedStores(config, logger, clock, () => 0);
  try {
    const { log, snapshot } = stores.sessions;
    const appendAll = async (records: Iterable<LogRecord>): Promise<void> => {
      for (const batch of batches(records)) await log.append(batch);
    };
    await appendAll(visits(sessions, 1, (bike) => firstVisit(bike, clock.nowMs())));
    const parts = { log, snapshot, fold: new SessionFold(), clock, timers: new SystemTimers() };
    const service = await MetadataService.start(parts);
    await service.flush();
    await service.stop();
    await appendAll(visits(sessions, TAIL_EVERY, (bike) => laterVisit(bike, clock.nowMs())));
  } finally {
    await stores.close();
  }
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
