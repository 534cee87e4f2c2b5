import { describe, expect, it, test } from 'vitest';
import { decodeAuditEntry, encodeAuditEntry } from '../../../src/audit/audit-event-codec.ts';
import { AUDIT_KINDS, type AuditEvent } from '../../../src/audit/audit-event.ts';
import { AUDIT_EVENT_V1 } from '../../../src/event-log/avro-schemas.ts';
import { parseRecordKey } from '../../../src/event-log/record-key.ts';
import { ValueCodec } from '../../../src/event-log/value-codec.ts';
import type { TenantId } from '../../../src/tenancy/identity.ts';

const tenant = 'city' as TenantId;
const EVENTS: readonly AuditEvent[] = [
  {
    kind: 'administrativeChange',
    who: 'ops',
    agent: 'spoke/1 (alice@host)',
    address: '192.0.2.1',
    action: 'tenant.create',
    tenant,
    target: 'city',
    outcome: 'failed',
    reason: 'NOT_FOUND: no',
  },
  {
    kind: 'administrativeChange',
    who: 'signal',
    agent: undefined,
    address: undefined,
    action: 'broker.reload',
    tenant: undefined,
    target: undefined,
    outcome: 'begun',
    reason: undefined,
  },
  {
    kind: 'refusedLogin',
    tenant: undefined,
    clientName: 'no tenant/x',
    clientId: '',
    address: '::1',
    method: 'SCRAM-SHA-256',
    reason: 'badUserNameOrPassword',
  },
  { kind: 'lockOut', by: 'address', tenant, clientName: 'bike-1', address: '192.0.2.7', forMs: 60_000 },
  { kind: 'quotaExceeded', tenant, clientId: 'c', quota: 'connections', limit: 2 ** 40 },
  { kind: 'quotaExceeded', tenant, clientId: undefined, quota: 'publishRate', limit: undefined },
  { kind: 'furtherNotes', of: 'refusedLogin' },
];

describe('an entry', () => {
  it.each(EVENTS)('of $kind comes back as it was', (event) => {
    const entry = {
      atMs: 1_700_000_000_500,
      sinceMs: 1_700_000_000_000,
      count: 17,
      brokerId: 'spoke-2',
      event,
    };
    const record = encodeAuditEntry(entry);
    expect(decodeAuditEntry(record)).toEqual(entry);
    expect(record).toMatchObject({ event: event.kind, timestampMs: entry.atMs });
    expect(parseRecordKey(record.key)).toEqual({
      kind: 'audit',
      tenant: 'tenant' in event && event.tenant !== undefined ? event.tenant : '',
      event: event.kind,
    });
  });

  it('is there for every kind', () => {
    expect(new Set(EVENTS.map(({ kind }) => kind))).toEqual(new Set(AUDIT_KINDS));
  });
});

test('a kind that is not known yet is passed over', () => {
  const values = new ValueCodec<Record<string, unknown>>(AUDIT_EVENT_V1);
  const [first] = EVENTS;
  const { key, value } = encodeAuditEntry({ atMs: 1, sinceMs: 1, count: 1, brokerId: 'b', event: first! });
  const known = values.decode(value!, key);
  expect(decodeAuditEntry({ key, value: values.encode({ ...known, kind: 'eclipse' }) })).toBeUndefined();
});

test('a tombstone is no entry', () => {
  expect(() => decodeAuditEntry({ key: 'a\0city\0lockOut', value: null })).toThrow(/no tombstones/);
});
