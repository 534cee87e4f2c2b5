/**
 * Which tenants there are and who of them is served: the fold of the log of tenants, over those that the configuration names. It decides
 * nothing about what a tenant has; that is with the tenant's broker.
 */
import type { TenantId } from './identity.ts';
import { unchangedTenant, type Tenant, type TenantEvent } from './tenant.ts';

/** Told when a tenant became another one; undefined: there is no record of it any more. */
export type TenantListener = (name: TenantId, tenant: Tenant | undefined) => void;

export class TenantDirectory {
  readonly #configured: ReadonlySet<TenantId>;
  readonly #records = new Map<TenantId, Tenant>();
  readonly #listeners: TenantListener[] = [];

  /** `configured`: those that are there without anybody's doing. */
  constructor(configured: readonly TenantId[]) {
    this.#configured = new Set(configured);
  }

  onChange(listener: TenantListener): void {
    this.#listeners.push(listener);
  }

  get(name: TenantId): Tenant | undefined {
    return this.#records.get(name) ?? (this.#configured.has(name) ? unchangedTenant(name) : undefined);
  }

  /** Whether clients of it may be connected. */
  serves(name: TenantId): boolean {
    return this.get(name)?.state === 'active';
  }

  isConfigured(name: TenantId): boolean {
    return this.#configured.has(name);
  }

  /** Those that the configuration names first. */
  *all(): Generator<Tenant, void, undefined> {
    for (const name of this.#configured) yield this.#records.get(name) ?? unchangedTenant(name);
    for (const tenant of this.#records.values()) if (!this.#configured.has(tenant.name)) yield tenant;
  }

  apply(event: TenantEvent): void {
    if (event.type === 'TenantDeleted') this.#records.delete(event.name);
    else this.#records.set(event.tenant.name, event.tenant);
    const name = event.type === 'TenantDeleted' ? event.name : event.tenant.name;
    for (const listener of this.#listeners) listener(name, this.#records.get(name));
  }
}
