/** Session identifiers that rise per tenant for as long as the process lives. For tests and simulations. */
import type { SessionIdGenerator } from '../../session/session-id-generator.ts';
import type { SessionId, TenantId } from '../../tenancy/identity.ts';

export class MemorySessionIds implements SessionIdGenerator {
  readonly #last = new Map<TenantId, number>();

  next(tenant: TenantId): Promise<SessionId> {
    const id = (this.#last.get(tenant) ?? 0) + 1;
    this.#last.set(tenant, id);
    return Promise.resolve(id as SessionId);
  }

  /** Reserves nothing. */
  forget(): void {}

  remove(tenant: TenantId): Promise<void> {
    this.#last.delete(tenant);
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
