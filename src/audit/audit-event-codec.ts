/** Entries of the audit trail as records of `spoke.audit`, and back. */
import { AUDIT_EVENT_V1 } from '../event-log/avro-schemas.ts';
import type { LogEntry, LogRecord } from '../event-log/event-log.ts';
import { auditKey } from '../event-log/record-key.ts';
import { UndecodableRecordError } from '../event-log/undecodable-record-error.ts';
import { ValueCodec } from '../event-log/value-codec.ts';
import type { TenantId } from '../tenancy/identity.ts';
import {
  tenantOf,
  type AdministrativeChange,
  type AuditEntry,
  type AuditEvent,
  type AuditNote,
  type LockOut,
} from './audit-event.ts';

/** One record for all kinds: a kind that a reader does not know yet is still one it can pass over. */
interface AuditEventValue {
  readonly kind: string;
  readonly atMs: number;
  readonly sinceMs: number;
  readonly count: number;
  readonly brokerId: string;
  readonly tenant: string | null;
  readonly who: string | null;
  readonly agent: string | null;
  readonly address: string | null;
  readonly action: string | null;
  readonly target: string | null;
  readonly outcome: string | null;
  readonly reason: string | null;
  readonly clientName: string | null;
  readonly clientId: string | null;
  readonly method: string | null;
  readonly lockedBy: string | null;
  readonly lockedForMs: number | null;
  readonly quota: string | null;
  readonly limit: number | null;
  readonly furtherOf: string | null;
}

const NOTHING = {
  tenant: null,
  who: null,
  agent: null,
  address: null,
  action: null,
  target: null,
  outcome: null,
  reason: null,
  clientName: null,
  clientId: null,
  method: null,
  lockedBy: null,
  lockedForMs: null,
  quota: null,
  limit: null,
  furtherOf: null,
} as const;

const values = new ValueCodec<AuditEventValue>(AUDIT_EVENT_V1);

export function encodeAuditEntry(entry: AuditEntry): LogRecord {
  const { atMs, sinceMs, count, brokerId, event } = entry;
  const key = auditKey(tenantOf(event), event.kind);
  const header = { kind: event.kind, atMs, sinceMs, count, brokerId };
  return {
    partitionKey: key,
    key,
    value: values.encode({ ...NOTHING, ...header, ...fieldsOf(event) }),
    event: event.kind,
    timestampMs: atMs,
  };
}

/** undefined: a kind that this release does not know. Throws `UndecodableRecordError`. */
export function decodeAuditEntry({ key, value }: Pick<LogEntry, 'key' | 'value'>): AuditEntry | undefined {
  if (value === null) throw new UndecodableRecordError(key, 'there are no tombstones on the audit trail.');
  const decoded = values.decode(value, key);
  const { atMs, sinceMs, count, brokerId } = decoded;
  const event = eventOf(decoded);
  return event && { atMs, sinceMs, count, brokerId, event };
}

function fieldsOf(event: AuditEvent): Partial<AuditEventValue> {
  switch (event.kind) {
    case 'administrativeChange': {
      const { who, agent, address, action, tenant, target, outcome, reason } = event;
      return {
        who,
        action,
        outcome,
        agent: agent ?? null,
        address: address ?? null,
        tenant: tenant ?? null,
        target: target ?? null,
        reason: reason ?? null,
      };
    }
    case 'refusedLogin': {
      const { tenant, clientName, clientId, address, method, reason } = event;
      return { tenant: tenant ?? null, clientName, clientId, address, method, reason };
    }
    case 'lockOut': {
      const { by, tenant, clientName, address, forMs } = event;
      return { tenant: tenant ?? null, clientName, address, lockedBy: by, lockedForMs: forMs };
    }
    case 'quotaExceeded': {
      const { tenant, clientId, quota, limit } = event;
      return { tenant, clientId: clientId ?? null, quota, limit: safeOrNone(limit) };
    }
    case 'furtherNotes':
      return { furtherOf: event.of };
  }
}

/** One number that does not fit must not keep what is noted beside it from being written. */
function safeOrNone(value: number | undefined): number | null {
  return value !== undefined && Number.isSafeInteger(value) ? value : null;
}

function eventOf(value: AuditEventValue): AuditEvent | undefined {
  const { clientName, clientId, address } = value;
  const tenant = (value.tenant ?? undefined) as TenantId | undefined;
  switch (value.kind) {
    case 'administrativeChange':
      return {
        kind: 'administrativeChange',
        who: value.who ?? '',
        agent: value.agent ?? undefined,
        address: address ?? undefined,
        // A later release may know more of them.
        action: value.action as AdministrativeChange['action'],
        tenant,
        target: value.target ?? undefined,
        outcome: value.outcome as AdministrativeChange['outcome'],
        reason: value.reason ?? undefined,
      };
    case 'refusedLogin':
      return {
        kind: 'refusedLogin',
        tenant,
        clientName: clientName ?? '',
        clientId: clientId ?? '',
        address: address ?? '',
        method: value.method ?? '',
        reason: value.reason ?? '',
      };
    case 'lockOut':
      return {
        kind: 'lockOut',
        by: value.lockedBy as LockOut['by'],
        tenant,
        clientName: clientName ?? '',
        address: address ?? '',
        forMs: value.lockedForMs ?? 0,
      };
    case 'quotaExceeded':
      return {
        kind: 'quotaExceeded',
        tenant: tenant ?? ('' as TenantId),
        clientId: clientId ?? undefined,
        quota: value.quota ?? '',
        limit: value.limit ?? undefined,
      };
    case 'furtherNotes':
      return { kind: 'furtherNotes', of: value.furtherOf as AuditNote['kind'] };
    default:
      return undefined;
  }
}
