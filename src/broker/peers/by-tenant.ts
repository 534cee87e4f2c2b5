/** A frame is of one tenant: what goes to a peer is sorted before it goes. */
import type { TenantId } from '../../tenancy/identity.ts';

export function byTenant<Item extends { readonly tenant: TenantId }>(
  items: Iterable<Item>,
): ReadonlyMap<TenantId, readonly Item[]> {
  const sorted = new Map<TenantId, Item[]>();
  for (const item of items) {
    const of = sorted.get(item.tenant);
    if (of === undefined) sorted.set(item.tenant, [item]);
    else of.push(item);
  }
  return sorted;
}
