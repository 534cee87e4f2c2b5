/** Port: 64-bit session identifiers, monotonic per tenant, never given twice even after a crash. */
import type { SessionId, TenantId } from '../tenancy/identity.ts';

export interface SessionIdGenerator {
  /** Durably reserved before it is returned (adapters reserve blocks). Starts at 1. */
  next(tenant: TenantId): Promise<SessionId>;
  /** The tenant was removed: what is reserved for it here is given to nobody. */
  forget(tenant: TenantId): void;
  /** As `forget`, and what the store has of the tenant goes too. Only where nobody is given identifiers of it any more. */
  remove(tenant: TenantId): Promise<void>;
  close(): Promise<void>;
}
