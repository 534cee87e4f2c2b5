/** Listens on channels of Redis, on a connection of its own: every one that is asked for, again whenever the connection is there again. */
import type { Redis } from 'ioredis';
import { connectRedis, type RedisConnectionOptions } from './redis-connection.ts';

export interface ChannelListener {
  readonly channel: string;
  /** It is a pattern of channels. */
  readonly isPattern: boolean;
  readonly onMessage: (channel: string, message: Buffer) => void;
}

export class RedisChannels {
  readonly #options: RedisConnectionOptions;
  readonly #onError: (error: unknown) => void;
  readonly #listeners = new Set<ChannelListener>();
  /** undefined: nobody has listened yet. */
  #redis: Redis | undefined;
  #closed = false;

  constructor(options: RedisConnectionOptions, onError: (error: unknown) => void) {
    this.#options = options;
    this.#onError = onError;
  }

  subscribe(listener: ChannelListener): () => void {
    const isNew = !this.#isWanted(listener);
    this.#listeners.add(listener);
    this.#redis ??= this.#connect();
    if (isNew && this.#redis.status === 'ready') this.#listen([listener]);
    return () => {
      if (!this.#listeners.delete(listener) || this.#isWanted(listener)) return;
      const { channel, isPattern } = listener;
      if (this.#redis?.status !== 'ready') return;
      const stop = isPattern ? this.#redis.punsubscribe(channel) : this.#redis.unsubscribe(channel);
      stop.catch(this.#onError);
    };
  }

  close(): void {
    this.#closed = true;
    this.#redis?.disconnect();
  }

  #isWanted({ channel, isPattern }: ChannelListener): boolean {
    return [...this.#listeners].some((other) => other.channel === channel && other.isPattern === isPattern);
  }

  #connect(): Redis {
    const redis = connectRedis(this.#options, { autoResubscribe: false, probed: true }, this.#onError);
    redis.on('ready', () => {
      this.#listen([...this.#listeners]);
    });
    redis.on('messageBuffer', (channel: Buffer, message: Buffer) => {
      this.#heard(channel.toString(), channel.toString(), false, message);
    });
    redis.on('pmessageBuffer', (pattern: Buffer | string, channel: Buffer, message: Buffer) => {
      this.#heard(pattern.toString(), channel.toString(), true, message);
    });
    return redis;
  }

  #listen(listeners: readonly ChannelListener[]): void {
    const redis = this.#redis;
    if (redis === undefined) return;
    const named = (patterns: boolean): string[] => [
      ...new Set(listeners.filter(({ isPattern }) => isPattern === patterns).map(({ channel }) => channel)),
    ];
    const [channels, patterns] = [named(false), named(true)];
    Promise.all([
      ...(channels.length > 0 ? [redis.subscribe(...channels)] : []),
      ...(patterns.length > 0 ? [redis.psubscribe(...patterns)] : []),
    ]).catch((error: unknown) => {
      this.#onError(error);
      // What is not listened to would be missed unseen: the next connection asks again.
      if (!this.#closed) redis.disconnect(true);
    });
  }

  #heard(name: string, channel: string, isPattern: boolean, message: Buffer): void {
    for (const listener of [...this.#listeners])
      if (listener.channel === name && listener.isPattern === isPattern) listener.onMessage(channel, message);
  }
}
