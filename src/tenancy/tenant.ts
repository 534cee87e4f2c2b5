/** What is on record of a tenant, and what may become of it. A tenant that only the configuration names is like one that was never changed. */
import type { TenantId } from './identity.ts';

/**
 * `suspended`: everything is kept, nobody is served. `deleting`: nobody is served ever again, and what it has is being removed; with the
 * last of it the record goes too.
 */
export const TENANT_STATES = ['active', 'suspended', 'deleting'] as const;
export type TenantState = (typeof TENANT_STATES)[number];

/** What an administrator may set for one tenant; everything else is as configured. */
export interface TenantSettings {
  /** Its own quotas by their names. */
  readonly limits: Readonly<Record<string, number>>;
  /** Authenticators that its clients are shown to, in that order; undefined: as configured. */
  readonly chain: readonly string[] | undefined;
}

export interface Tenant extends TenantSettings {
  readonly name: TenantId;
  readonly state: TenantState;
  /** Milliseconds since 1970; 0: it is in the configuration, and nobody has changed it since. */
  readonly createdAtMs: number;
  readonly changedAtMs: number;
}

export type TenantEvent =
  | { readonly type: TenantEventType; readonly tenant: Tenant }
  | { readonly type: 'TenantDeleted'; readonly name: TenantId };

export type TenantEventType =
  'TenantCreated' | 'TenantChanged' | 'TenantSuspended' | 'TenantResumed' | 'TenantDeletionBegun';

export function unchangedTenant(name: TenantId): Tenant {
  return { name, state: 'active', limits: {}, chain: undefined, createdAtMs: 0, changedAtMs: 0 };
}
