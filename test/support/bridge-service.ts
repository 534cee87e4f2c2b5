/** Another service on the other side of the bridge: what it hears, reads and says. */
import { Redis } from 'ioredis';

export type Envelope = Readonly<Record<string, unknown>>;

export class BridgeService {
  readonly redis: Redis;

  constructor(port: number) {
    this.redis = new Redis({ port, retryStrategy: () => 50, maxRetriesPerRequest: null });
    this.redis.on('error', () => undefined);
  }

  /** Resolves when it listens; the array grows. */
  async hear(channel: string): Promise<{ readonly channel: string; readonly message: string }[]> {
    const heard: { channel: string; message: string }[] = [];
    const listener = this.redis.duplicate();
    listener.on('error', () => undefined);
    listener.on('pmessage', (_pattern, from, message) => heard.push({ channel: from, message }));
    await listener.psubscribe(channel);
    this.#listeners.push(listener);
    return heard;
  }

  /** Entries of a stream with their fields, oldest first. */
  async entries(stream: string): Promise<readonly Readonly<Record<string, string>>[]> {
    const entries = await this.redis.xrange(stream, '-', '+');
    return entries.map(([, fields]) => fieldsOf(fields));
  }

  /** The envelopes in a stream, each with the field `id` as `entryId`. */
  async envelopes(stream: string): Promise<readonly Envelope[]> {
    const entries = await this.entries(stream);
    return entries.map(({ id, message = '{}' }) => ({ ...(JSON.parse(message) as object), entryId: id }));
  }

  async send(stream: string, envelope: object): Promise<void> {
    await this.redis.xadd(stream, '*', 'message', JSON.stringify(envelope));
  }

  close(): void {
    for (const redis of [this.redis, ...this.#listeners]) redis.disconnect();
  }

  readonly #listeners: Redis[] = [];
}

export function fieldsOf(fields: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    fields.flatMap((name, at) => (at % 2 === 0 ? [[name, fields[at + 1] ?? '']] : [])),
  );
}
