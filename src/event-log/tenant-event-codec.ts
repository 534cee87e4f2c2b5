/** Changes of tenants as records of `spoke.tenants`, and back. */
import type { TenantId } from '../tenancy/identity.ts';
import type { Tenant, TenantEvent, TenantEventType, TenantState } from '../tenancy/tenant.ts';
import { TENANT_V1 } from './avro-schemas.ts';
import type { LogEntry, LogRecord } from './event-log.ts';
import { parseRecordKey, tenantKey } from './record-key.ts';
import { UndecodableRecordError } from './undecodable-record-error.ts';
import { ValueCodec } from './value-codec.ts';

interface TenantValue {
  readonly tenant: TenantId;
  readonly state: TenantState;
  readonly limits: Readonly<Record<string, number>>;
  readonly chain: readonly string[] | null;
  readonly createdAtMs: number;
  readonly changedAtMs: number;
}

const tenants = new ValueCodec<TenantValue>(TENANT_V1);

export function encodeTenantEvent(event: TenantEvent, timestampMs: number): LogRecord {
  const name = event.type === 'TenantDeleted' ? event.name : event.tenant.name;
  return {
    partitionKey: name,
    key: tenantKey(name),
    value: event.type === 'TenantDeleted' ? null : tenants.encode(tenantValue(event.tenant)),
    event: event.type,
    timestampMs,
  };
}

/** Throws `UndecodableRecordError`. */
export function decodeTenantEvent({
  key,
  value,
  event,
}: Pick<LogEntry, 'key' | 'value' | 'event'>): TenantEvent {
  const parsed = parseRecordKey(key);
  if (parsed.kind !== 'tenant')
    throw new UndecodableRecordError(key, 'only tenants belong on the topic of tenants.');
  if (value === null) return { type: 'TenantDeleted', name: parsed.tenant };
  return { type: event as TenantEventType, tenant: tenantFrom(tenants.decode(value, key)) };
}

function tenantValue({ name, state, limits, chain, createdAtMs, changedAtMs }: Tenant): TenantValue {
  return { tenant: name, state, limits, chain: chain ?? null, createdAtMs, changedAtMs };
}

function tenantFrom({ tenant, state, limits, chain, createdAtMs, changedAtMs }: TenantValue): Tenant {
  return { name: tenant, state, limits, chain: chain ?? undefined, createdAtMs, changedAtMs };
}
