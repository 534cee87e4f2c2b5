/**
 * What the audit trail knows: changes that administrators make, and what was refused to clients. Nothing here carries a secret: no
 * password, token or payload has a field to be in. `schemas/audit-event.v1.avsc` says what each field means.
 */
import type { TenantId } from '../tenancy/identity.ts';

/** Everything that an administrator can change. */
export const ADMIN_ACTIONS = [
  'session.disconnect',
  'session.discard',
  'queue.purge',
  'drain.begin',
  'drain.cancel',
  'tenant.create',
  'tenant.change',
  'tenant.suspend',
  'tenant.resume',
  'tenant.delete',
  'user.add',
  'user.password',
  'user.remove',
  'user.changed',
  'storage.apply',
  'storage.reset',
  'broker.reload',
] as const;
export type AdminAction = (typeof ADMIN_ACTIONS)[number];

/** Those that commands make without a broker. */
export const LOCAL_ACTIONS = [
  'user.add',
  'user.password',
  'user.remove',
  'user.changed',
  'storage.apply',
  'storage.reset',
] as const satisfies readonly AdminAction[];
export type LocalAction = (typeof LOCAL_ACTIONS)[number];

export interface AdministrativeChange {
  readonly kind: 'administrativeChange';
  /** Name of the token that the API was asked with; `command` and `signal` for what comes by neither. */
  readonly who: string;
  /** What the program that asked says of itself: of `spoke` the user and the host. Nobody has proven it. */
  readonly agent?: string | undefined;
  /** Where the request came from; undefined: from this machine, without a connection. */
  readonly address?: string | undefined;
  readonly action: AdminAction;
  readonly tenant?: TenantId | undefined;
  /** Client, user, tenant or broker that it is about. */
  readonly target?: string | undefined;
  /** `begun` is recorded before anything is changed; `failed` afterwards, when it was not or not completely. */
  readonly outcome: 'begun' | 'failed' | 'refused';
  /** Why it failed or was refused. */
  readonly reason?: string | undefined;
}

/** A client, or a user of the admin API, that was not let in. */
export interface RefusedLogin {
  readonly kind: 'refusedLogin';
  readonly tenant: TenantId | undefined;
  /** As the client says; '' when it says nothing. */
  readonly clientName: string;
  readonly clientId: string;
  readonly address: string;
  /** What it tried to prove itself with: `password`, `certificate`, `none`, `adminToken`, or the method of MQTT 5. */
  readonly method: string;
  /** Name of the reason code. */
  readonly reason: string;
}

/** Too many wrong logins: nobody logs in as that user, or from that address, for a while. */
export interface LockOut {
  readonly kind: 'lockOut';
  readonly by: 'user' | 'address';
  readonly tenant: TenantId | undefined;
  readonly clientName: string;
  readonly address: string;
  readonly forMs: number;
}

export interface QuotaExceeded {
  readonly kind: 'quotaExceeded';
  readonly tenant: TenantId;
  /** undefined: the quota is the tenant's. */
  readonly clientId: string | undefined;
  readonly quota: string;
  /** In the unit of the quota; undefined: it is not one number. */
  readonly limit: number | undefined;
}

/** More subjects within a second than are told apart. */
export interface FurtherNotes {
  readonly kind: 'furtherNotes';
  readonly of: AuditNote['kind'];
}

/** What nobody waits for. */
export type AuditNote = RefusedLogin | LockOut | QuotaExceeded | (AdministrativeChange & RefusedChange);
interface RefusedChange {
  readonly outcome: 'refused';
}

export type AuditEvent = AdministrativeChange | RefusedLogin | LockOut | QuotaExceeded | FurtherNotes;

export const AUDIT_KINDS = [
  'administrativeChange',
  'refusedLogin',
  'lockOut',
  'quotaExceeded',
  'furtherNotes',
] as const satisfies readonly AuditEvent['kind'][];
export type AuditKind = (typeof AUDIT_KINDS)[number];

/** An event as it stands on the trail. */
export interface AuditEntry {
  /** Of the last time, milliseconds since 1970. */
  readonly atMs: number;
  /** Of the first time; as `atMs` where there was one. */
  readonly sinceMs: number;
  /** How often, from the first to the last time. */
  readonly count: number;
  /** The broker that saw it. */
  readonly brokerId: string;
  readonly event: AuditEvent;
}

/** Of which tenant it is to be read; undefined: of none, or of the whole installation. */
export function tenantOf(event: AuditEvent): TenantId | undefined {
  return event.kind === 'furtherNotes' ? undefined : event.tenant;
}
