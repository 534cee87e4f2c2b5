/** The audit trail of a broker, and what of the process itself belongs on it. */
import { takePendingChanges } from '../adapters/file/pending-changes.ts';
import type { AdministrativeChange } from '../audit/audit-event.ts';
import { LoggedAuditTrail } from '../audit/audit-trail.ts';
import type { EventLog } from '../event-log/event-log.ts';
import type { Clock, Timers } from '../time/clock.ts';
import type { SpokeConfig } from './config-schema.ts';
import type { Logger } from './logging.ts';

/** SIGHUP. */
export const RELOAD: AdministrativeChange = {
  kind: 'administrativeChange',
  who: 'signal',
  action: 'broker.reload',
  outcome: 'begun',
};

export function auditTrail(
  { broker, audit }: Pick<SpokeConfig, 'broker' | 'audit'>,
  log: EventLog,
  logger: Logger,
  time: { readonly clock: Clock; readonly timers: Timers },
): LoggedAuditTrail {
  return new LoggedAuditTrail({
    log,
    ...time,
    brokerId: broker.id,
    subjectsMax: audit.subjectsMax,
    onLost: (count, err) => {
      logger.error(
        { err, count },
        'refused logins and exceeded quotas are not on the audit trail: it failed',
      );
    },
  });
}

/** What commands changed while no broker was there. A broker starts without it as well: it is tried again at the next start. */
export async function takePending(
  trail: LoggedAuditTrail,
  dataDirectory: string,
  logger: Logger,
): Promise<void> {
  try {
    const counts = await takePendingChanges(dataDirectory, async ({ atMs, ...change }) => {
      await trail.record({ kind: 'administrativeChange', who: 'command', ...change }, atMs);
    });
    if (counts.taken + counts.unreadable > 0)
      logger.info(counts, 'changes that commands made before are on the audit trail');
  } catch (err) {
    logger.error({ err }, 'changes that commands made before could not be put on the audit trail');
  }
}
