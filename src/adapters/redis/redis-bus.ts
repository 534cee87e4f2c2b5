/**
 * The bus of the bridge in Redis: pub/sub for channels, Redis Streams for streams. One connection sends, one listens, and each group has one
 * that may wait for entries.
 */
import type { Redis } from 'ioredis';
import type { BridgeBus, EntryFields, StreamGroup } from '../../bridge/bus.ts';
import { RedisChannels } from './redis-channels.ts';
import { connectRedis, redisProblem, type RedisConnectionOptions } from './redis-connection.ts';
import { RedisStreamGroup } from './redis-stream-group.ts';
import { committed } from './transaction.ts';

export interface RedisBusOptions extends RedisConnectionOptions {
  /** `undefined`: it can be used again. Told each time that changes, and first of all. */
  readonly onState: (problem: Error | undefined) => void;
}

export class RedisBus implements BridgeBus {
  readonly #options: RedisBusOptions;
  readonly #commands: Redis;
  readonly #channels: RedisChannels;
  #state: 'notSeen' | 'working' | 'failing' = 'notSeen';

  constructor(options: RedisBusOptions) {
    this.#options = options;
    this.#commands = connectRedis(
      options,
      { commandTimeout: options.timeoutMs, enableOfflineQueue: false },
      (error) => {
        this.#failed(error);
      },
    );
    this.#commands.on('ready', () => {
      this.#worked();
    });
    this.#channels = new RedisChannels(options, (error) => {
      this.#failed(error);
    });
  }

  get isConnected(): boolean {
    return this.#commands.status === 'ready';
  }

  async publish(channel: string, message: Buffer): Promise<void> {
    await this.#noting(this.#commands.publish(channel, message));
  }

  subscribe(
    channel: string,
    isPattern: boolean,
    onMessage: (channel: string, message: Buffer) => void,
  ): () => void {
    return this.#channels.subscribe({ channel, isPattern, onMessage });
  }

  async append(stream: string, entries: readonly EntryFields[], lengthMax: number): Promise<void> {
    const transaction = this.#commands.multi();
    const bound = lengthMax === 0 ? [] : ['MAXLEN', '~', lengthMax];
    for (const fields of entries) transaction.call('XADD', stream, ...bound, '*', ...fields.flat());
    await this.#noting(committed(transaction));
  }

  group(stream: string, group: string, consumer: string): StreamGroup {
    return new RedisStreamGroup({
      ...this.#options,
      stream,
      group,
      consumer,
      commands: this.#commands,
      onError: (error) => {
        // What cannot be sent while it is still being connected to says nothing of Redis.
        if (this.#state !== 'notSeen') this.#failed(error);
      },
      onAnswer: () => {
        this.#worked();
      },
    });
  }

  close(): void {
    this.#commands.disconnect();
    this.#channels.close();
  }

  async #noting(call: Promise<unknown>): Promise<void> {
    try {
      await call;
      this.#worked();
    } catch (error) {
      this.#failed(error);
      throw redisProblem(error);
    }
  }

  #worked(): void {
    if (this.#state === 'working' || !this.isConnected) return;
    this.#state = 'working';
    this.#options.onState(undefined);
  }

  /** One for the first of a row: what follows from it says something else each time. */
  #failed(error: unknown): void {
    if (this.#state === 'failing') return;
    this.#state = 'failing';
    this.#options.onState(redisProblem(error));
  }
}
