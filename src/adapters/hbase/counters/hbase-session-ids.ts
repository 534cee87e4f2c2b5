/**
 * Session identifiers from blocks that are reserved in HBase, one counter per tenant for all brokers. A crash or a lost answer skips the
 * rest of a block; nothing is given twice. Identifiers of one generator rise; those of several are interleaved block by block.
 */
import { StoreUnavailableError } from '../../../errors/store-unavailable-error.ts';
import type { SessionIdGenerator } from '../../../session/session-id-generator.ts';
import type { SessionId, TenantId } from '../../../tenancy/identity.ts';
import type { HBaseClient } from '../client/hbase-client.ts';
import { counterTableName } from '../tables/snapshot-tables.ts';
import { sessionIdsRow } from './counter-layout.ts';
import { reserve } from './counter.ts';

/** Identifiers reserved with one call. */
const BLOCK_IDS = 1_024;

export interface HBaseSessionIdsOptions {
  /** Stays open when the generator is closed. */
  readonly client: HBaseClient;
  readonly namespace: string;
  /**
   * Highest identifier that the fold of the log knows, 0: none. Identifiers given are always above it, so that a table of counters that
   * was lost or made anew gives none a second time.
   */
  readonly highestKnown?: (tenant: TenantId) => number;
}

interface TenantIds {
  next: number;
  /** Last identifier that may be given without another reservation. */
  reservedThrough: number;
  reserving: Promise<void> | undefined;
}

export class HBaseSessionIds implements SessionIdGenerator {
  readonly #options: HBaseSessionIdsOptions;
  readonly #tenants = new Map<TenantId, TenantIds>();
  #isClosed = false;

  constructor(options: HBaseSessionIdsOptions) {
    this.#options = options;
  }

  async next(tenant: TenantId): Promise<SessionId> {
    const ids = this.#idsOf(tenant);
    while (ids.next > ids.reservedThrough) {
      if (this.#isClosed)
        throw new StoreUnavailableError(
          `the counters in HBase table ${counterTableName(this.#options.namespace)}`,
          'the generator was closed; open another one',
        );
      ids.reserving ??= this.#reserve(tenant, ids).finally(() => {
        ids.reserving = undefined;
      });
      await ids.reserving;
    }
    return ids.next++ as SessionId;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled([...this.#tenants.values()].flatMap(({ reserving }) => reserving ?? []));
  }

  #idsOf(tenant: TenantId): TenantIds {
    let ids = this.#tenants.get(tenant);
    if (ids === undefined) {
      ids = { next: 0, reservedThrough: -1, reserving: undefined };
      this.#tenants.set(tenant, ids);
    }
    return ids;
  }

  async #reserve(tenant: TenantId, ids: TenantIds): Promise<void> {
    const { client, namespace, highestKnown } = this.#options;
    const row = sessionIdsRow(tenant);
    const known = highestKnown?.(tenant) ?? 0;
    let through = await reserve(client, namespace, row, BLOCK_IDS);
    const missing = known - (through - BLOCK_IDS);
    // The counter is behind what it gave before: over what is known, and a block on top of that.
    if (missing > 0) through = await reserve(client, namespace, row, missing + BLOCK_IDS);
    ids.next = through - BLOCK_IDS + 1;
    ids.reservedThrough = through;
  }
}
