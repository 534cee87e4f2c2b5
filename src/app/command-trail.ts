/** The audit trail in Kafka for commands that change what is beside it: topics and tables. */
import { LoggedAuditTrail } from '../audit/audit-trail.ts';
import type { AdministrativeChange } from '../audit/audit-event.ts';
import { SystemClock, SystemTimers } from '../transport/system-time.ts';
import type { SpokeConfig } from './config-schema.ts';
import { openKafkaTopic } from './kafka-logs.ts';
import type { Logger } from './logging.ts';

/** Rejects when there is no such topic, or Kafka does not answer. */
export async function recordInKafka(
  config: SpokeConfig,
  change: AdministrativeChange,
  clientLog: Pick<Logger, 'info' | 'warn' | 'error'>,
): Promise<void> {
  const { log } = await openKafkaTopic(config, 'audit', clientLog);
  try {
    const trail = new LoggedAuditTrail({
      log,
      clock: new SystemClock(),
      timers: new SystemTimers(),
      brokerId: config.broker.id,
      subjectsMax: config.audit.subjectsMax,
      onLost: () => undefined,
    });
    await trail.record(change);
  } finally {
    await log.close();
  }
}
