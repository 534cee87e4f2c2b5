/** Which authenticators the tenants have, as the configuration says and what is on record of them. */
import type { TenantId } from '../tenancy/identity.ts';
import type { Tenant } from '../tenancy/tenant.ts';
import type { ChainLink } from './auth-schema.ts';
import type { SpokeConfig } from './config-schema.ts';

type AuthSettings = Pick<SpokeConfig, 'auth'>;

/** Empty with `auth.mode: anonymous`, where nobody is asked. What is on record of a tenant may name what this release does not know. */
export function chainOf(
  config: AuthSettings,
  { name, chain }: Pick<Tenant, 'name' | 'chain'>,
): readonly string[] {
  return config.auth.mode === 'chain' && chain !== undefined ? chain : configuredChain(config, name);
}

/** Of the tenants that the configuration names: these are there to be asked. */
export function usedLinks(config: AuthSettings & Pick<SpokeConfig, 'tenants'>): ReadonlySet<ChainLink> {
  return new Set(config.tenants.flatMap((tenant) => configuredChain(config, tenant)));
}

function configuredChain({ auth }: AuthSettings, tenant: TenantId): readonly ChainLink[] {
  if (auth.mode === 'anonymous') return [];
  if (auth.mode === 'file') return ['file'];
  return auth.tenantChains.find((other) => other.tenant === tenant)?.chain ?? auth.chain;
}
