/** Where users are kept that are looked up one by one. */
import type { TenantUser } from '../tenancy/identity.ts';
import type { User } from './user-list.ts';

export interface UserSource {
  /** undefined: no such user. Rejects with `StoreUnavailableError` when that cannot be known now. */
  find(user: TenantUser): Promise<User | undefined>;
}
