/**
 * The names every key, event and metric carries: tenant, client, session, incarnation.
 * Nothing here knows MQTT; branded types keep a client identifier from passing for a tenant.
 */

declare const brand: unique symbol;
type Branded<T, Name extends string> = T & { readonly [brand]: Name };

/** A customer of the platform: 1 to 64 characters of `[A-Za-z0-9._-]`. */
export type TenantId = Branded<string, 'TenantId'>;

/** MQTT client identifier, unique within one tenant. 1 to 65,535 UTF-8 bytes. */
export type ClientId = Branded<string, 'ClientId'>;

/**
 * 64-bit integer, monotonic per tenant, given when a session is created and never reused.
 * In memory a safe integer (see docs/adr/0002): 2^53 sessions outlast the hardware.
 */
export type SessionId = Branded<number, 'SessionId'>;

/** One run of one broker process, `brokerId#startNumber`. Ownership is always by incarnation. */
export type Incarnation = Branded<string, 'Incarnation'>;

export const DEFAULT_TENANT = 'default' as TenantId;

const TENANT_PATTERN = /^[A-Za-z0-9._-]{1,64}$/;

export function parseTenantId(text: string): TenantId | undefined {
  return TENANT_PATTERN.test(text) ? (text as TenantId) : undefined;
}

export function incarnation(brokerId: string, startNumber: number): Incarnation {
  return `${brokerId}#${startNumber}` as Incarnation;
}

/** The broker of which it is a run. */
export function brokerIdOf(run: Incarnation): string {
  return run.slice(0, run.lastIndexOf('#'));
}

export function startNumberOf(run: Incarnation): number {
  return Number(run.slice(run.lastIndexOf('#') + 1));
}

export interface TenantUser {
  readonly tenant: TenantId;
  /** The client name inside the tenant; empty for a connection without a user name. */
  readonly clientName: string;
}

/**
 * Splits an MQTT user name `{tenant}/{clientName}`; a name without a slash, and no name at all, belong to the default
 * tenant if there is one. Returns undefined when there is none, or when the part before the slash is not a tenant name.
 */
export function parseUserName(
  userName: string | undefined,
  defaultTenant: TenantId | undefined,
): TenantUser | undefined {
  const slash = userName?.indexOf('/') ?? -1;
  if (userName === undefined || slash < 0)
    return defaultTenant === undefined ? undefined : { tenant: defaultTenant, clientName: userName ?? '' };
  const tenant = parseTenantId(userName.slice(0, slash));
  return tenant === undefined ? undefined : { tenant, clientName: userName.slice(slash + 1) };
}
