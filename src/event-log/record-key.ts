/**
 * Keys of log records and what their partition is chosen by. Parts are separated by U+0000, which MQTT
 * forbids in every string [MQTT-1.5.4-2], so a key reads back in one way only.
 */
import type { ClientId, TenantId } from '../tenancy/identity.ts';
import { UndecodableRecordError } from './undecodable-record-error.ts';

const SEPARATOR = '\0';
const SESSION = 's';
const SUBSCRIPTION = 'u';
const RETAINED = 'r';
const TENANT = 't';
const AUDIT = 'a';
const SESSION_START = SESSION + SEPARATOR;
const SUBSCRIPTION_START = SUBSCRIPTION + SEPARATOR;

export type RecordKey =
  | { readonly kind: 'session'; readonly tenant: TenantId; readonly clientId: ClientId }
  | {
      readonly kind: 'subscription';
      readonly tenant: TenantId;
      readonly clientId: ClientId;
      readonly filter: string;
    }
  | { readonly kind: 'retained'; readonly tenant: TenantId; readonly topic: string }
  | { readonly kind: 'tenant'; readonly tenant: TenantId }
  | { readonly kind: 'audit'; readonly tenant: TenantId | ''; readonly event: string };

export function sessionKey(tenant: TenantId, clientId: ClientId): string {
  return SESSION + SEPARATOR + tenant + SEPARATOR + clientId;
}

export function subscriptionKey(tenant: TenantId, clientId: ClientId, filter: string): string {
  return SUBSCRIPTION + SEPARATOR + tenant + SEPARATOR + clientId + SEPARATOR + filter;
}

export function retainedKey(tenant: TenantId, topic: string): string {
  return RETAINED + SEPARATOR + tenant + SEPARATOR + topic;
}

export function tenantKey(tenant: TenantId): string {
  return TENANT + SEPARATOR + tenant;
}

/** `tenant`: '' for what concerns none, or all. Nothing supersedes an audit event: the key is for who looks for some of them. */
export function auditKey(tenant: TenantId | undefined, event: string): string {
  return AUDIT + SEPARATOR + (tenant ?? '') + SEPARATOR + event;
}

/** All records of one client have one order. */
export function clientPartitionKey(tenant: TenantId, clientId: ClientId): string {
  return tenant + SEPARATOR + clientId;
}

/** All records of one retained topic have one order. */
export function topicPartitionKey(tenant: TenantId, topic: string): string {
  return tenant + SEPARATOR + topic;
}

/** By how it begins: quicker than to parse it, and enough to tell which record the value has to be. */
export function isSessionKey(key: string): boolean {
  return key.startsWith(SESSION_START);
}

/** As `isSessionKey`. */
export function isSubscriptionKey(key: string): boolean {
  return key.startsWith(SUBSCRIPTION_START);
}

/** Throws `UndecodableRecordError` on a key of another form. */
export function parseRecordKey(key: string): RecordKey {
  const [kind, tenantText, name, filter, ...rest] = key.split(SEPARATOR);
  if (kind === TENANT && tenantText !== undefined && name === undefined)
    return { kind: 'tenant', tenant: tenantText as TenantId };
  if (tenantText !== undefined && name !== undefined && rest.length === 0) {
    const tenant = tenantText as TenantId;
    if (filter === undefined) {
      if (kind === SESSION) return { kind: 'session', tenant, clientId: name as ClientId };
      if (kind === RETAINED) return { kind: 'retained', tenant, topic: name };
      if (kind === AUDIT) return { kind: 'audit', tenant, event: name };
    } else if (kind === SUBSCRIPTION) {
      return { kind: 'subscription', tenant, clientId: name as ClientId, filter };
    }
  }
  throw new UndecodableRecordError(
    key,
    'its key is none of session, subscription, retained, tenant and audit; only SpokeMQ may write to this topic.',
  );
}
