/** Gauges of the audit trail. */
import type { LoggedAuditTrail } from '../audit/audit-trail.ts';
import type { GaugeSource } from '../metrics/prometheus.ts';

export function auditGauges(audit: LoggedAuditTrail): GaugeSource[] {
  return [
    {
      name: 'spoke_audit_events_total',
      help: 'What belongs on the audit trail, by kind.',
      type: 'counter',
      read: () => Object.entries(audit.counts).map(([kind, value]) => ({ labels: { kind }, value })),
    },
    {
      name: 'spoke_audit_lost_total',
      help: 'Refused logins, lock-outs and exceeded quotas that are not on the audit trail, because it could not be written to.',
      type: 'counter',
      read: () => audit.lost,
    },
    {
      name: 'spoke_audit_subjects_waiting',
      help: 'Subjects whose refusals are being added up; at most audit.subjectsMax and one per kind.',
      type: 'gauge',
      read: () => audit.waiting,
    },
  ];
}
