/** Who wants to know of users that were changed, as far as that is heard of: in their file, or over Redis. */
import type { TenantId, TenantUser } from '../tenancy/identity.ts';

export interface UserChangeFollower {
  changed(users: readonly TenantUser[]): void;
  /** The rules of a tenant were: those of its users who have none of their own. */
  tenantChanged(tenant: TenantId): void;
  /** Some may have been changed without a word. */
  missed(): void;
}
