/** Who wants to know of users that were changed, as far as that is heard of: in their file, or over Redis. */
import type { TenantUser } from '../tenancy/identity.ts';

export interface UserChangeFollower {
  changed(users: readonly TenantUser[]): void;
  /** Some may have been changed without a word. */
  missed(): void;
}
