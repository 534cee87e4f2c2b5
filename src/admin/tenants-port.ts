/** What the admin API asks of the tenants. Whatever changes one rejects with an `ApiError` when it makes no sense for the tenant as it is. */
import type { TenantId } from '../tenancy/identity.ts';
import type { Tenant, TenantSettings, TenantState } from '../tenancy/tenant.ts';

export interface TenantSummary {
  readonly tenant: TenantId;
  readonly state: TenantState;
  /** It is in the configuration of the broker that was asked. */
  readonly configured: boolean;
  readonly limits: Tenant['limits'];
  /** undefined: as configured. */
  readonly chain: Tenant['chain'];
  /** undefined, as the next: nobody has made or changed it, it is only in the configuration. */
  readonly createdAtMs: number | undefined;
  readonly changedAtMs: number | undefined;
  /** To the broker that was asked. */
  readonly connections: number;
  readonly sessions: number;
  readonly subscriptions: number;
  readonly retainedMessages: number;
}

/** What is left out stays as it is; an empty chain is the configured one. */
export type TenantSettingsRequest = {
  readonly [Key in keyof TenantSettings]?: NonNullable<TenantSettings[Key]>;
};

export interface TenantsPort {
  list(): readonly TenantSummary[];
  show(tenant: TenantId): TenantSummary | undefined;
  create(tenant: TenantId, settings: TenantSettingsRequest): Promise<TenantSummary>;
  change(tenant: TenantId, settings: TenantSettingsRequest): Promise<TenantSummary>;
  suspend(tenant: TenantId): Promise<TenantSummary>;
  resume(tenant: TenantId): Promise<TenantSummary>;
  /** Begins it; the tenant is gone when it is not found any more. */
  delete(tenant: TenantId): Promise<TenantSummary>;
}
