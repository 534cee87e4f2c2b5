/**
 * Session identifiers from blocks that are reserved in Redis, one counter per tenant for all brokers. A crash or a lost answer skips the rest of
 * a block. A counter that Redis has lost begins anew above what the log knows.
 */
import type { Redis } from 'ioredis';
import { StoreUnavailableError } from '../../errors/store-unavailable-error.ts';
import { countedBlock } from '../../session/counted-block.ts';
import { SessionIdBlocks } from '../../session/session-id-blocks.ts';
import type { SessionIdGenerator } from '../../session/session-id-generator.ts';
import type { SessionId, TenantId } from '../../tenancy/identity.ts';
import { connectRedis, redisProblem, type RedisConnectionOptions } from './redis-connection.ts';

export interface RedisSessionIdsOptions extends RedisConnectionOptions {
  /** In front of every key. */
  readonly prefix: string;
  /** Highest identifier that the fold of the log knows, 0: none. */
  readonly highestKnown?: (tenant: TenantId) => number;
  readonly onProblem: (error: Error) => void;
}

export class RedisSessionIds implements SessionIdGenerator {
  readonly #options: RedisSessionIdsOptions;
  readonly #redis: Redis;
  readonly #blocks: SessionIdBlocks;

  constructor(options: RedisSessionIdsOptions) {
    this.#options = options;
    const { timeoutMs, highestKnown } = options;
    // What is sent while it is away waits for its return, as long as a command may take.
    this.#redis = connectRedis(options, { commandTimeout: timeoutMs }, (error) => {
      options.onProblem(redisProblem(error));
    });
    this.#blocks = new SessionIdBlocks({
      reserve: (tenant, before) =>
        countedBlock((amount) => this.#add(tenant, amount), before ?? highestKnown?.(tenant) ?? 0),
      remove: async (tenant) => {
        await this.#redis.del(this.#key(tenant)).catch(this.#unavailable);
      },
      closedError: () => new StoreUnavailableError(this.#place, 'it was closed; open another one'),
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

  async close(): Promise<void> {
    await this.#blocks.close();
    this.#redis.disconnect();
  }

  get #place(): string {
    const { host, port } = this.#options;
    return `The session ids in Redis at ${host}:${port}`;
  }

  #key(tenant: TenantId): string {
    return `${this.#options.prefix}session-ids:${tenant}`;
  }

  async #add(tenant: TenantId, amount: number): Promise<number> {
    const highest = await this.#redis.incrby(this.#key(tenant), amount).catch(this.#unavailable);
    if (highest > Number.MAX_SAFE_INTEGER) throw new RangeError(`counter of tenant ${tenant} is beyond 2^53`);
    return highest;
  }

  readonly #unavailable = (cause: unknown): never => {
    throw new StoreUnavailableError(this.#place, 'see to Redis; the client may connect again', {
      cause: redisProblem(cause),
    });
  };
}
