/**
 * Gives session identifiers one by one from blocks that a store reserves, for any number of callers at once. What is left of a block
 * when the process ends is never given.
 */
import type { SessionId, TenantId } from '../tenancy/identity.ts';
import type { SessionIdGenerator } from './session-id-generator.ts';

/** Both inclusive, at least one. */
export interface SessionIdBlock {
  readonly first: number;
  readonly last: number;
}

export interface SessionIdBlocksOptions {
  /**
   * Resolves when nobody else can get the identifiers of the block any more. `before`: the last one reserved for the tenant here;
   * undefined: this is the first block.
   */
  readonly reserve: (tenant: TenantId, before: number | undefined) => Promise<SessionIdBlock>;
  /** Resolves when the store knows nothing of the tenant. */
  readonly remove: (tenant: TenantId) => Promise<void>;
  /** What a caller gets who needs a block of a closed generator. */
  readonly closedError: () => Error;
}

interface TenantIds {
  next: number;
  /** Last identifier that may be given without another reservation; undefined: there was none yet. */
  last: number | undefined;
  reserving: Promise<void> | undefined;
}

export class SessionIdBlocks implements SessionIdGenerator {
  readonly #options: SessionIdBlocksOptions;
  readonly #tenants = new Map<TenantId, TenantIds>();
  #isClosed = false;

  constructor(options: SessionIdBlocksOptions) {
    this.#options = options;
  }

  async next(tenant: TenantId): Promise<SessionId> {
    const ids = this.#idsOf(tenant);
    while (ids.last === undefined || ids.next > ids.last) {
      if (this.#isClosed) throw this.#options.closedError();
      ids.reserving ??= this.#reserve(tenant, ids).finally(() => {
        ids.reserving = undefined;
      });
      await ids.reserving;
    }
    return ids.next++ as SessionId;
  }

  forget(tenant: TenantId): void {
    this.#tenants.delete(tenant);
  }

  /** Behind a reservation that is under way: it would be the first of a tenant that comes anew. */
  async remove(tenant: TenantId): Promise<void> {
    await Promise.allSettled([this.#tenants.get(tenant)?.reserving]);
    this.forget(tenant);
    await this.#options.remove(tenant);
  }

  /** Waits for reservations under way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled([...this.#tenants.values()].flatMap(({ reserving }) => reserving ?? []));
  }

  #idsOf(tenant: TenantId): TenantIds {
    let ids = this.#tenants.get(tenant);
    if (ids === undefined) {
      ids = { next: 0, last: undefined, reserving: undefined };
      this.#tenants.set(tenant, ids);
    }
    return ids;
  }

  async #reserve(tenant: TenantId, ids: TenantIds): Promise<void> {
    const { first, last } = await this.#options.reserve(tenant, ids.last);
    ids.next = first;
    ids.last = last;
  }
}
