/** Who asks the admin API: the name of a token, what it may do, and of which tenant. */
import type { TenantId } from '../tenancy/identity.ts';

/** A `viewer` only reads. */
export const ADMIN_ROLES = ['admin', 'viewer'] as const;
export type AdminRole = (typeof ADMIN_ROLES)[number];

export interface AdminPrincipal {
  readonly name: string;
  readonly role: AdminRole;
  /** Sees and changes only that one; undefined: all of them, and what is of the whole installation. */
  readonly tenant: TenantId | undefined;
}

/** Of the token that a broker makes for itself. */
export const LOCAL_PRINCIPAL: AdminPrincipal = { name: 'local', role: 'admin', tenant: undefined };
