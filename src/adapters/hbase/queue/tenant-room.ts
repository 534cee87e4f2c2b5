/** Which entries of one append the queues of their tenants together have no room for, as far as this broker knows what they hold. */
import type { AppendEntry, TotalBound, TotalQuota } from '../../../queue/durable-queue.ts';
import type { EstimatedTotals } from '../../../queue/estimated-totals.ts';
import { messageBytes } from '../../../queue/message.ts';
import { beyondTotal } from '../../../queue/queue-quota.ts';
import type { TenantId } from '../../../tenancy/identity.ts';
import { TenantTotal } from '../../../queue/tenant-totals.ts';

export class TenantRoom {
  readonly #totals: EstimatedTotals;
  /** With what this append adds. */
  readonly #used = new Map<TenantId, TenantTotal>();

  constructor(totals: EstimatedTotals) {
    this.#totals = totals;
  }

  /** Per entry: undefined if there is room, which it takes. undefined for all: the tenant has no such quota. */
  take(
    quota: TotalQuota | undefined,
    tenant: TenantId,
    entries: readonly AppendEntry[],
  ): readonly (TotalBound | undefined)[] | undefined {
    if (quota === undefined) return undefined;
    const used = this.#usedBy(tenant);
    return entries.map(({ queued, owed = false }) => {
      const bytes = messageBytes(queued.message);
      const full = owed ? undefined : beyondTotal(quota, used, bytes);
      if (full === undefined) used.add(1, bytes);
      return full;
    });
  }

  #usedBy(tenant: TenantId): TenantTotal {
    let used = this.#used.get(tenant);
    if (used === undefined) {
      const { messages, bytes } = this.#totals.of(tenant);
      used = new TenantTotal();
      used.add(messages, bytes);
      this.#used.set(tenant, used);
    }
    return used;
  }
}
