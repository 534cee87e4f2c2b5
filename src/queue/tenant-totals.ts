/** What the queues of each tenant hold together, counted as it changes. */
import type { TenantId } from '../tenancy/identity.ts';
import type { QueueTotal } from './durable-queue.ts';

/** Of one tenant. All its queues change the same one. */
export class TenantTotal implements QueueTotal {
  messages = 0;
  bytes = 0;

  add(messages: number, bytes: number): void {
    this.messages += messages;
    this.bytes += bytes;
  }
}

const NOTHING: QueueTotal = new TenantTotal();

export class TenantTotals {
  /** A tenant that ever had a message. */
  readonly #byTenant = new Map<TenantId, TenantTotal>();

  /** To be changed. */
  of(tenant: TenantId): TenantTotal {
    let total = this.#byTenant.get(tenant);
    if (total === undefined) this.#byTenant.set(tenant, (total = new TenantTotal()));
    return total;
  }

  /** To be looked at. */
  peek(tenant: TenantId): QueueTotal {
    return this.#byTenant.get(tenant) ?? NOTHING;
  }
}
