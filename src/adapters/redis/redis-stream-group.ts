/**
 * One consumer of a consumer group of a Redis stream: XREADGROUP, XAUTOCLAIM, XACK. XREADGROUP knows no bound in bytes, so a script reads
 * one entry after the other until there are enough.
 */
import { Command, type Redis } from 'ioredis';
import type {
  ClaimedEntries,
  ReadBounds,
  RejectedEntry,
  StreamEntry,
  StreamGroup,
} from '../../bridge/bus.ts';
import { connectRedis, redisProblem, type RedisConnectionOptions } from './redis-connection.ts';
import {
  claimedCount,
  entriesOf,
  groupLag,
  isGroupThere,
  othersUnsettled,
  readEntries,
} from './stream-answers.ts';
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

/** Of the history of a consumer its beginning: what is read from there is not settled. */
const HISTORY = '0';
const NEW_ENTRIES = '>';

/** KEYS: stream. ARGV: group, consumer, entries, bytes, `HISTORY` or `NEW_ENTRIES`. An entry that the stream has lost has no fields. */
const BOUNDED_READ = `
local entries, bytes, from = {}, 0, ARGV[5]
while #entries < tonumber(ARGV[3]) and bytes < tonumber(ARGV[4]) do
  local read = redis.call('XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', 1, 'STREAMS', KEYS[1], from)
  local entry = read and read[1][2][1]
  if not entry then break end
  entries[#entries + 1] = entry
  for _, part in ipairs(entry[2] or {}) do bytes = bytes + #part end
  if from ~= '${NEW_ENTRIES}' then from = entry[1] end
end
return entries`;

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

  unsettled(bounds: ReadBounds): Promise<readonly StreamEntry[]> {
    return this.#read(bounds, HISTORY);
  }

  async next(bounds: ReadBounds, waitMs: number): Promise<readonly StreamEntry[]> {
    const entries = await this.#read(bounds, NEW_ENTRIES);
    if (entries.length > 0) return entries;
    // A script cannot wait. What it is waited for is one entry: the next call reads what has come behind it.
    const { stream, group, consumer } = this.#options;
    const wait = ['COUNT', 1, 'BLOCK', Math.min(waitMs, WAIT_MS_MAX)];
    const read = inBuffers(this.#reads, 'xreadgroup', [
      ...['GROUP', group, consumer],
      ...wait,
      ...['STREAMS', stream, NEW_ENTRIES],
    ]);
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

  async #read({ entriesMax, bytesMax }: ReadBounds, from: string): Promise<readonly StreamEntry[]> {
    const { commands, stream, group, consumer } = this.#options;
    const args = [BOUNDED_READ, 1, stream, group, consumer, entriesMax, bytesMax, from];
    return entriesOf(await this.#noting(inBuffers(commands, 'eval', args)));
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
function inBuffers(redis: Redis, name: string, args: readonly (string | number)[]): Promise<unknown> {
  const command = new Command(name, [...args], { replyEncoding: null });
  return Promise.resolve(redis.sendCommand(command));
}
