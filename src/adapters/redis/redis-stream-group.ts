/** One consumer of a consumer group of a Redis stream: XREADGROUP, XAUTOCLAIM, XACK. */
import { Command, type Redis } from 'ioredis';
import type { ClaimedEntries, RejectedEntry, StreamEntry, StreamGroup } from '../../bridge/bus.ts';
import { connectRedis, redisProblem, type RedisConnectionOptions } from './redis-connection.ts';
import { claimedCount, groupLag, isGroupThere, othersUnsettled, readEntries } from './stream-answers.ts';
import { committed } from './transaction.ts';

export interface RedisStreamGroupOptions extends RedisConnectionOptions {
  readonly stream: string;
  readonly group: string;
  readonly consumer: string;
  /** For everything that does not wait for entries. */
  readonly commands: Redis;
  readonly onError: (error: unknown) => void;
  readonly onAnswer: () => void;
}

/** The longest that `next` is asked to wait, beyond which the answer is late. */
const WAIT_MS_MAX = 10_000;
/** Rejected entries that are kept, about. */
const REJECTED_MAX = 10_000;

export class RedisStreamGroup implements StreamGroup {
  readonly #options: RedisStreamGroupOptions;
  readonly #reads: Redis;
  #closed = false;

  constructor(options: RedisStreamGroupOptions) {
    this.#options = options;
    this.#reads = connectRedis(
      options,
      { commandTimeout: WAIT_MS_MAX + options.timeoutMs, enableOfflineQueue: false },
      options.onError,
    );
  }

  async create(): Promise<void> {
    const { commands, stream, group } = this.#options;
    await this.#noting(
      commands.xgroup('CREATE', stream, group, '0', 'MKSTREAM').catch((error: unknown) => {
        if (!isGroupThere(error)) throw error;
      }),
    );
  }

  async unsettled(entriesMax: number): Promise<readonly StreamEntry[]> {
    const { commands, stream, group, consumer } = this.#options;
    const bounds = ['COUNT', entriesMax];
    const read = readGroup(commands, ['GROUP', group, consumer, ...bounds, 'STREAMS', stream, '0']);
    return readEntries(await this.#noting(read));
  }

  async next(entriesMax: number, waitMs: number): Promise<readonly StreamEntry[]> {
    const { stream, group, consumer } = this.#options;
    const bounds = ['COUNT', entriesMax, 'BLOCK', Math.min(waitMs, WAIT_MS_MAX)];
    const read = readGroup(this.#reads, ['GROUP', group, consumer, ...bounds, 'STREAMS', stream, '>']);
    return readEntries(await this.#noting(read));
  }

  async claim(entriesMax: number, idleMs: number): Promise<ClaimedEntries> {
    const { commands, stream, group, consumer } = this.#options;
    const claim = commands.xautoclaim(stream, group, consumer, idleMs, '0', 'COUNT', entriesMax, 'JUSTID');
    const claimed = claimedCount(await this.#noting(claim));
    const left = othersUnsettled(await this.#noting(commands.xpending(stream, group)), consumer);
    return { claimed, left };
  }

  async settle(ids: readonly string[], rejected: readonly RejectedEntry[]): Promise<void> {
    const { commands, stream, group } = this.#options;
    const all = [...ids, ...rejected.map(({ entry }) => entry.id)];
    if (all.length === 0) return;
    const transaction = commands.multi();
    for (const { entry, reason } of rejected) {
      const fields = [...(entry.fields ?? [])].flat();
      const place = ['XADD', `${stream}:rejected`, 'MAXLEN', '~', String(REJECTED_MAX), '*'] as const;
      transaction.call(...place, ...fields, 'rejectedEntry', entry.id, 'rejectedBecause', reason);
    }
    transaction.xack(stream, group, ...all);
    await this.#noting(committed(transaction));
  }

  async lag(): Promise<number | undefined> {
    const { commands, stream, group } = this.#options;
    return groupLag(await this.#noting(commands.call('XINFO', 'GROUPS', stream)), group);
  }

  close(): void {
    this.#closed = true;
    this.#reads.disconnect();
  }

  async #noting<T>(call: Promise<T>): Promise<T> {
    try {
      const answer = await call;
      this.#options.onAnswer();
      return answer;
    } catch (error) {
      // That it is cut off is what closing does.
      if (!this.#closed) this.#options.onError(error);
      throw redisProblem(error);
    }
  }
}

/** Answered in buffers, as payloads are: the client has no method for that. */
function readGroup(redis: Redis, args: readonly (string | number)[]): Promise<unknown> {
  const command = new Command('xreadgroup', [...args], { replyEncoding: null });
  return Promise.resolve(redis.sendCommand(command));
}
