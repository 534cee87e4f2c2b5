/**
 * Users in Redis, for all brokers, and word of those that changed. It is a cache: when it is away or slow it knows nothing, and nobody is let
 * in or kept out for that. An entry counts as long as its generation is the user's: one that was looked up before a change and written after
 * it is never read.
 */
import type { Redis } from 'ioredis';
import type { SharedAnswer, SharedUsers } from '../../auth/cached-users.ts';
import { decodeUser, encodeUser } from '../../auth/user-text-codec.ts';
import { userText, parseListedUser, type User } from '../../auth/user-list.ts';
import { parseTenantId, type TenantId, type TenantUser } from '../../tenancy/identity.ts';
import {
  connectRedis,
  redisProblem,
  type RedisConduct,
  type RedisConnectionOptions,
} from './redis-connection.ts';
import { committed } from './transaction.ts';

export interface RedisUsersOptions extends RedisConnectionOptions {
  /** In front of every key and of the channel. */
  readonly prefix: string;
  readonly ttlMs: number;
  readonly negativeTtlMs: number;
  /** Random text. */
  readonly newGeneration: () => string;
  /** `isNews` false: only the hash of the password is another one, of the same password. */
  readonly onChanged: (user: TenantUser, isNews: boolean) => void;
  /** Any user of it may be another. */
  readonly onTenantChanged: (tenant: TenantId) => void;
  /** Changes may have been missed until now; from now on they are heard of. */
  readonly onHearing: () => void;
  readonly onProblem: (error: Error) => void;
}

export class RedisUsers implements SharedUsers {
  failures = 0;
  #hears = false;
  readonly #options: RedisUsersOptions;
  readonly #commands: Redis;
  readonly #listener: Redis;

  constructor(options: RedisUsersOptions) {
    this.#options = options;
    this.#commands = this.#connection({ commandTimeout: options.timeoutMs, enableOfflineQueue: false });
    this.#listener = this.#connection({ autoResubscribe: false, probed: true });
    this.#listener.on('ready', () => void this.#listen());
    this.#listener.on('close', () => {
      this.#hears = false;
    });
    this.#listener.on('message', (_channel, text) => {
      this.#heard(text);
    });
  }

  get hearsChanges(): boolean {
    return this.#hears;
  }

  async read(user: TenantUser): Promise<SharedAnswer | undefined> {
    try {
      const [ofTenant, ofUser, text = null] = await this.#commands.mget(
        this.#tenantGenerationKey(user.tenant),
        this.#generationKey(user),
        this.#userKey(user),
      );
      const generation = `${ofTenant ?? ''}.${ofUser ?? ''}`;
      return { generation, known: text === null ? undefined : known(user, generation, text) };
    } catch (error) {
      this.#fail(error);
      return undefined;
    }
  }

  write(user: TenantUser, { generation }: SharedAnswer, found: User | undefined): void {
    const { ttlMs, negativeTtlMs } = this.#options;
    const text = `${generation} ${encodeUser(found)}`;
    this.#commands
      .set(this.#userKey(user), text, 'PX', found === undefined ? negativeTtlMs : ttlMs)
      .catch((error: unknown) => {
        this.#fail(error);
      });
  }

  /** Every broker forgets the user. Rejects when Redis is away: then the change counts when what is remembered is old. */
  async changed(user: TenantUser, isNews = true): Promise<void> {
    const text = JSON.stringify({ user: userText(user), isNews });
    // The new generation would do, as long as Redis does not throw it away for want of memory.
    await this.#tell(this.#generationKey(user), text, this.#userKey(user));
  }

  /** Every broker forgets the users of the tenant. Rejects as `changed` does. */
  async tenantChanged(tenant: TenantId): Promise<void> {
    await this.#tell(this.#tenantGenerationKey(tenant), JSON.stringify({ tenant }));
  }

  /** Resolves when commands can be sent. */
  async ready(): Promise<void> {
    if (this.#commands.status === 'ready') return;
    await new Promise<void>((resolve, reject) => {
      this.#commands.once('ready', resolve);
      this.#commands.once('error', reject);
    });
  }

  close(): void {
    this.#commands.disconnect();
    this.#listener.disconnect();
  }

  get #channel(): string {
    return `${this.#options.prefix}users-changed`;
  }

  #userKey(user: TenantUser): string {
    return `${this.#options.prefix}user:${userText(user)}`;
  }

  #generationKey(user: TenantUser): string {
    return `${this.#options.prefix}generation:${userText(user)}`;
  }

  #tenantGenerationKey(tenant: TenantId): string {
    return `${this.#options.prefix}generation-of-tenant:${tenant}`;
  }

  async #tell(generationKey: string, text: string, ...outdated: readonly string[]): Promise<void> {
    const { newGeneration, ttlMs, negativeTtlMs } = this.#options;
    const change = this.#commands
      .multi()
      // It outlives every entry of an earlier generation.
      .set(generationKey, newGeneration(), 'PX', 2 * Math.max(ttlMs, negativeTtlMs));
    for (const key of outdated) change.del(key);
    await committed(change.publish(this.#channel, text));
  }

  async #listen(): Promise<void> {
    try {
      await this.#listener.subscribe(this.#channel);
      // First what may be old goes, then what is remembered counts for longer again.
      this.#options.onHearing();
      this.#hears = true;
    } catch (error) {
      this.#fail(error);
      this.#listener.disconnect(true);
    }
  }

  #heard(text: string): void {
    const [, name, isNews] = /^\{"user":("(?:[^"\\]|\\.)*"),"isNews":(true|false)\}$/.exec(text) ?? [];
    const user = name === undefined ? undefined : parseListedUser(String(JSON.parse(name)), undefined);
    const tenant = parseTenantId(/^\{"tenant":"([^"\\]*)"\}$/.exec(text)?.[1] ?? '');
    if (user !== undefined) this.#options.onChanged(user, isNews === 'true');
    else if (tenant !== undefined) this.#options.onTenantChanged(tenant);
    else this.#options.onProblem(new Error('a message of changed users that names none'));
  }

  #connection(conduct: RedisConduct): Redis {
    return connectRedis(this.#options, conduct, (error) => {
      this.#fail(error);
    });
  }

  #fail(error: unknown): void {
    this.failures++;
    this.#options.onProblem(redisProblem(error));
  }
}

/** `GENERATION USER`; of another generation it is as if nothing was there. */
function known(user: TenantUser, generation: string, text: string): SharedAnswer['known'] {
  const space = text.indexOf(' ');
  return text.slice(0, space) === generation ? decodeUser(user, text.slice(space + 1)) : undefined;
}
