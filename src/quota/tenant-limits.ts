/**
 * What one tenant may use, and each client of it: every limit may be missing, which is "as configured", and 0 is none.
 * Says which of several settings counts and what they make of a broker's own limits; pure.
 */
import type { BrokerLimits } from '../broker/limits.ts';
import type { QueueQuota, TotalBound, TotalQuota } from '../queue/durable-queue.ts';

/** Of the tenant as a whole. */
export const TENANT_QUOTAS = [
  'connectionsMax',
  'connectionRateMax',
  'publishRateMax',
  'bytesInRateMax',
  'bytesOutRateMax',
  'subscriptionsMax',
  'sessionsMax',
  'retainedMessagesMax',
  'retainedBytesMax',
  'queueMessagesMax',
  'queueBytesMax',
] as const;

/** Of each client of the tenant. */
export const CLIENT_QUOTAS = [
  'connectionRateMax',
  'publishRateMax',
  'bytesInRateMax',
  'bytesOutRateMax',
  'subscriptionsMax',
  'retainedMessagesMax',
  'retainedBytesMax',
  'queueMessagesMax',
  'queueBytesMax',
  'packetBytesMax',
  'receiveMaximum',
  'inFlightMax',
] as const;

export type TenantQuotaName = (typeof TENANT_QUOTAS)[number];
export type ClientQuotaName = (typeof CLIENT_QUOTAS)[number];

/** A full queue says no more than that it is full; nothing exceeds `inFlightMax`: messages wait. */
type NotExceeded = 'queueMessagesMax' | 'queueBytesMax' | 'inFlightMax';
/** What may be exceeded, called as in the configuration below `quotas`. */
export type QuotaName =
  `tenant.${TenantQuotaName}` | `client.${Exclude<ClientQuotaName, NotExceeded>}` | 'client.queue';

export const QUOTA_NAMES: readonly QuotaName[] = [
  ...TENANT_QUOTAS.map((name) => `tenant.${name}` as const),
  'client.connectionRateMax',
  'client.publishRateMax',
  'client.bytesInRateMax',
  'client.bytesOutRateMax',
  'client.subscriptionsMax',
  'client.retainedMessagesMax',
  'client.retainedBytesMax',
  'client.queue',
  'client.packetBytesMax',
  'client.receiveMaximum',
];

type Settings<Name extends string> = Readonly<Partial<Record<Name, number | undefined>>>;

export interface TenantLimits {
  readonly tenant?: Settings<TenantQuotaName> | undefined;
  readonly client?: Settings<ClientQuotaName> | undefined;
}

/** Every limit, Infinity where there is none. */
export interface Quotas {
  readonly tenant: Readonly<Record<TenantQuotaName, number>>;
  readonly client: Readonly<Record<ClientQuotaName, number>>;
}

export const NO_LIMITS: TenantLimits = {};

/** From names as the configuration has them below `quotas`; those that this release does not know are left out. */
export function limitsFrom(named: Readonly<Record<string, number>>): TenantLimits {
  const level = <Name extends string>(prefix: string, names: readonly Name[]): Settings<Name> =>
    Object.fromEntries(
      names.flatMap((name) => {
        const value = named[`${prefix}.${name}`];
        return value === undefined ? [] : [[name, value]];
      }),
    ) as Settings<Name>;
  return { tenant: level('tenant', TENANT_QUOTAS), client: level('client', CLIENT_QUOTAS) };
}

export function quotasOf(configured: TenantLimits, overrides: TenantLimits): Quotas {
  return {
    tenant: level(TENANT_QUOTAS, configured.tenant, overrides.tenant),
    client: level(CLIENT_QUOTAS, configured.client, overrides.client),
  };
}

/** The limits of a broker for one tenant. A quota never lifts one: the smaller of both counts. */
export function limitsWithin(limits: BrokerLimits, { tenant, client }: Quotas): BrokerLimits {
  return {
    ...limits,
    packetBytesMax: Math.min(limits.packetBytesMax, client.packetBytesMax),
    sessionsMax: Math.min(limits.sessionsMax, tenant.sessionsMax),
    subscriptionsPerSessionMax: Math.min(limits.subscriptionsPerSessionMax, client.subscriptionsMax),
    receiveMaximum: Math.min(limits.receiveMaximum, client.receiveMaximum),
    inFlightMax: Math.min(limits.inFlightMax, client.inFlightMax),
    durableQueue: { ...queueWithin(limits.durableQueue, client), together: queuesTogether(tenant) },
    transientQueue: queueWithin(limits.transientQueue, client),
    retainedMessagesMax: Math.min(limits.retainedMessagesMax, tenant.retainedMessagesMax),
    retainedBytesMax: Math.min(limits.retainedBytesMax, tenant.retainedBytesMax),
  };
}

/** What was exceeded: the tenant's quota, or the broker's limit where that is lower. */
export function limitOf(quota: QuotaName, limits: BrokerLimits, { tenant, client }: Quotas): number {
  switch (quota) {
    case 'tenant.connectionsMax':
      return tenant.connectionsMax;
    case 'tenant.connectionRateMax':
      return tenant.connectionRateMax;
    case 'tenant.publishRateMax':
      return tenant.publishRateMax;
    case 'tenant.bytesInRateMax':
      return tenant.bytesInRateMax;
    case 'tenant.bytesOutRateMax':
      return tenant.bytesOutRateMax;
    case 'tenant.subscriptionsMax':
      return tenant.subscriptionsMax;
    case 'tenant.sessionsMax':
      return limits.sessionsMax;
    case 'tenant.retainedMessagesMax':
      return limits.retainedMessagesMax;
    case 'tenant.retainedBytesMax':
      return limits.retainedBytesMax;
    case 'tenant.queueMessagesMax':
      return tenant.queueMessagesMax;
    case 'tenant.queueBytesMax':
      return tenant.queueBytesMax;
    case 'client.connectionRateMax':
      return client.connectionRateMax;
    case 'client.publishRateMax':
      return client.publishRateMax;
    case 'client.bytesInRateMax':
      return client.bytesInRateMax;
    case 'client.bytesOutRateMax':
      return client.bytesOutRateMax;
    case 'client.subscriptionsMax':
      return limits.subscriptionsPerSessionMax;
    case 'client.retainedMessagesMax':
      return client.retainedMessagesMax;
    case 'client.retainedBytesMax':
      return client.retainedBytesMax;
    case 'client.queue':
      return limits.durableQueue.messagesMax;
    case 'client.packetBytesMax':
      return limits.packetBytesMax;
    case 'client.receiveMaximum':
      return limits.receiveMaximum;
  }
}

/** `tenantFull`: what all queues of the tenant together have no room for; undefined: it is the queue itself that is full. */
export function queueQuotaName(tenantFull: TotalBound | undefined): QuotaName {
  switch (tenantFull) {
    case 'messages':
      return 'tenant.queueMessagesMax';
    case 'bytes':
      return 'tenant.queueBytesMax';
    case undefined:
      return 'client.queue';
  }
}

function queuesTogether({ queueMessagesMax, queueBytesMax }: Quotas['tenant']): TotalQuota | undefined {
  const isLimited = queueMessagesMax !== Infinity || queueBytesMax !== Infinity;
  return isLimited ? { messagesMax: queueMessagesMax, bytesMax: queueBytesMax } : undefined;
}

function queueWithin(
  quota: QueueQuota,
  { queueMessagesMax, queueBytesMax }: Pick<Quotas['client'], 'queueMessagesMax' | 'queueBytesMax'>,
): QueueQuota {
  return {
    ...quota,
    messagesMax: Math.min(quota.messagesMax, queueMessagesMax),
    bytesMax: Math.min(quota.bytesMax, queueBytesMax),
  };
}

function level<Name extends string>(
  names: readonly Name[],
  configured: Settings<Name> | undefined,
  overrides: Settings<Name> | undefined,
): Readonly<Record<Name, number>> {
  const limits = names.map((name) => [name, (overrides?.[name] ?? configured?.[name] ?? 0) || Infinity]);
  return Object.fromEntries(limits) as Record<Name, number>;
}
