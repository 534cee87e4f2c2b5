/** Which authenticators the tenants have, as the configuration says. */
import type { TenantId } from '../tenancy/identity.ts';
import type { ChainLink } from './auth-schema.ts';
import type { SpokeConfig } from './config-schema.ts';

/** Of every tenant that is served. Empty with `auth.mode: anonymous`, where nobody is asked. */
export function chainsOf({
  auth,
  tenants,
}: Pick<SpokeConfig, 'auth' | 'tenants'>): ReadonlyMap<TenantId, readonly ChainLink[]> {
  if (auth.mode === 'anonymous') return new Map();
  const usual: readonly ChainLink[] = auth.mode === 'file' ? ['file'] : auth.chain;
  const others = auth.mode === 'file' ? [] : auth.tenantChains;
  return new Map(
    tenants.map((tenant) => [tenant, others.find((other) => other.tenant === tenant)?.chain ?? usual]),
  );
}

export function usedLinks(config: Pick<SpokeConfig, 'auth' | 'tenants'>): ReadonlySet<ChainLink> {
  return new Set([...chainsOf(config).values()].flat());
}
