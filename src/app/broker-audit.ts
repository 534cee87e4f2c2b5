/** The audit trail of a broker, and what of the process itself belongs on it. */
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
