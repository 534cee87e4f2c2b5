/** Port: 64-bit session identifiers, monotonic per tenant, never given twice even after a crash. */
import type { SessionId, TenantId } from '../tenancy/identity.ts';

export interface SessionIdGenerator {
  /** Durably reserved before it is returned (adapters reserve blocks). Starts at 1. */
  next(tenant: TenantId): Promise<SessionId>;
  close(): Promise<void>;
}
