/**
 * What administrators make of tenants: decided on what is on record, appended to the log of tenants, and true everywhere as soon as it is
 * read back from there. Changes of one broker come one after the other; of two brokers that change a tenant at once the later one counts.
 */
import type { EventLog } from '../event-log/event-log.ts';
import { encodeTenantEvent } from '../event-log/tenant-event-codec.ts';
import type { TenantId } from '../tenancy/identity.ts';
import type { Tenant, TenantEvent, TenantEventType, TenantSettings, TenantState } from '../tenancy/tenant.ts';
import type { TenantDirectory } from '../tenancy/tenant-directory.ts';
import type { Clock } from '../time/clock.ts';

export type TenantRefusal = 'exists' | 'unknown' | 'deleting' | 'configured';

/** The change makes no sense for the tenant as it is; nothing was recorded. */
export class TenantRefusedError extends Error {
  override readonly name = 'TenantRefusedError';
  readonly tenant: TenantId;
  readonly refusal: TenantRefusal;

  constructor(tenant: TenantId, refusal: TenantRefusal) {
    super(`tenant ${tenant}: ${refusal}`);
    this.tenant = tenant;
    this.refusal = refusal;
  }
}

export interface TenantChangesOptions {
  readonly directory: TenantDirectory;
  readonly log: EventLog;
  readonly clock: Clock;
}

export class TenantChanges {
  readonly #options: TenantChangesOptions;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: TenantChangesOptions) {
    this.#options = options;
  }

  /** Rejects with `TenantRefusedError`, as all do, or with `StoreUnavailableError` when the outcome is unknown. */
  create(name: TenantId, settings: TenantSettings): Promise<Tenant> {
    return this.#inTurn(async () => {
      if (this.#options.directory.get(name) !== undefined) throw new TenantRefusedError(name, 'exists');
      const nowMs = this.#options.clock.nowMs();
      return this.#record('TenantCreated', {
        name,
        state: 'active',
        ...settings,
        createdAtMs: nowMs,
        changedAtMs: nowMs,
      });
    });
  }

  /** What is left out stays as it is. */
  change(name: TenantId, settings: Partial<TenantSettings>): Promise<Tenant> {
    return this.#inTurn(() => this.#record('TenantChanged', { ...this.#changeable(name), ...settings }));
  }

  /** Its clients are disconnected everywhere, and refused until `resume`. */
  suspend(name: TenantId): Promise<Tenant> {
    return this.#become(name, 'TenantSuspended', 'suspended');
  }

  resume(name: TenantId): Promise<Tenant> {
    return this.#become(name, 'TenantResumed', 'active');
  }

  /** From now on it is removed bit by bit, whichever broker dies meanwhile. Asked for again it goes on. */
  beginDeletion(name: TenantId): Promise<Tenant> {
    return this.#inTurn(async () => {
      const { directory } = this.#options;
      const tenant = directory.get(name);
      if (tenant?.state === 'deleting') return tenant;
      // It would come back as soon as its record is gone.
      if (directory.isConfigured(name)) throw new TenantRefusedError(name, 'configured');
      return this.#record('TenantDeletionBegun', { ...this.#changeable(name), state: 'deleting' });
    });
  }

  /** Nothing is left of it, and nothing is on record of it from now on. */
  deleted(name: TenantId): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#options.directory.get(name)?.state === 'deleting')
        await this.#append({ type: 'TenantDeleted', name });
    });
  }

  #become(name: TenantId, type: TenantEventType, state: TenantState): Promise<Tenant> {
    return this.#inTurn(async () => {
      const tenant = this.#changeable(name);
      return tenant.state === state ? tenant : this.#record(type, { ...tenant, state });
    });
  }

  #changeable(name: TenantId): Tenant {
    const tenant = this.#options.directory.get(name);
    if (tenant === undefined) throw new TenantRefusedError(name, 'unknown');
    if (tenant.state === 'deleting') throw new TenantRefusedError(name, 'deleting');
    return tenant;
  }

  async #record(type: TenantEventType, tenant: Tenant): Promise<Tenant> {
    const changedAtMs = this.#options.clock.nowMs();
    const createdAtMs = tenant.createdAtMs === 0 ? changedAtMs : tenant.createdAtMs;
    const changed = { ...tenant, createdAtMs, changedAtMs };
    await this.#append({ type, tenant: changed });
    return changed;
  }

  /** Durable and applied here when resolved. */
  async #append(event: TenantEvent): Promise<void> {
    const { log, clock } = this.#options;
    await log.append([encodeTenantEvent(event, clock.nowMs())]);
  }

  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const done = this.#last.then(change, change);
    this.#last = done;
    return done;
  }
}
