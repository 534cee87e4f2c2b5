/**
 * Session identifiers from blocks that are reserved in HBase, one counter per tenant for all brokers. A crash or a lost answer skips the
 * rest of a block; nothing is given twice. Identifiers of one generator rise; those of several are interleaved block by block.
 */
import { StoreUnavailableError } from '../../../errors/store-unavailable-error.ts';
import { countedBlock } from '../../../session/counted-block.ts';
import { SessionIdBlocks, type SessionIdBlock } from '../../../session/session-id-blocks.ts';
import type { SessionIdGenerator } from '../../../session/session-id-generator.ts';
import type { SessionId, TenantId } from '../../../tenancy/identity.ts';
import type { HBaseClient } from '../client/hbase-client.ts';
import { counterTableName } from '../tables/snapshot-tables.ts';
import { sessionIdsRow } from './counter-layout.ts';
import { removeCounter, reserve } from './counter.ts';

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

export class HBaseSessionIds implements SessionIdGenerator {
  readonly #options: HBaseSessionIdsOptions;
  readonly #blocks: SessionIdBlocks;

  constructor(options: HBaseSessionIdsOptions) {
    this.#options = options;
    this.#blocks = new SessionIdBlocks({
      reserve: (tenant, before) => this.#reserve(tenant, before),
      remove: (tenant) => removeCounter(options.client, options.namespace, sessionIdsRow(tenant)),
      closedError: () =>
        new StoreUnavailableError(
          `the counters in HBase table ${counterTableName(options.namespace)}`,
          'the generator was closed; open another one',
        ),
    });
  }

  next(tenant: TenantId): Promise<SessionId> {
    return this.#blocks.next(tenant);
  }

  forget(tenant: TenantId): void {
    this.#blocks.forget(tenant);
  }

  remove(tenant: TenantId): Promise<void> {
    return this.#blocks.remove(tenant);
  }

  close(): Promise<void> {
    return this.#blocks.close();
  }

  #reserve(tenant: TenantId, before: number | undefined): Promise<SessionIdBlock> {
    const { client, namespace, highestKnown } = this.#options;
    const row = sessionIdsRow(tenant);
    // Looked up once: it costs a walk over all sessions, and later blocks lie above the first.
    const known = before ?? highestKnown?.(tenant) ?? 0;
    return countedBlock((amount) => reserve(client, namespace, row, amount), known);
  }
}
