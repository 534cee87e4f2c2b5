/** How Redis is reached: what every connection to it has in common. It comes back by itself, and nothing waits for it meanwhile. */
import type { ConnectionOptions } from 'node:tls';
import { Redis } from 'ioredis';

export interface RedisConnectionOptions {
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly password: string;
  readonly database: number;
  /** undefined: none. */
  readonly tls: ConnectionOptions | undefined;
  /** For a connection. */
  readonly timeoutMs: number;
}

/** What is different from one connection to the next. */
export interface RedisConduct {
  /** How long a command may take; default: as long as the connection lives. */
  readonly commandTimeout?: number;
  /** false: what is sent while it is away fails at once. */
  readonly enableOfflineQueue?: boolean;
  readonly autoResubscribe?: boolean;
}

const RECONNECT_MS_MAX = 1_000;

export function connectRedis(
  { host, port, username, password, database, tls, timeoutMs }: RedisConnectionOptions,
  conduct: RedisConduct,
  onError: (error: Error) => void,
): Redis {
  const redis = new Redis({
    host,
    port,
    db: database,
    ...(username === '' ? {} : { username }),
    ...(password === '' ? {} : { password }),
    ...(tls === undefined ? {} : { tls }),
    connectTimeout: timeoutMs,
    maxRetriesPerRequest: 0,
    enableAutoPipelining: true,
    retryStrategy: (attempt) => Math.min(attempt * 50, RECONNECT_MS_MAX),
    ...conduct,
  });
  redis.on('error', onError);
  redis.on('connect', () => {
    // The client listens for one error of its socket, and a TLS socket may have two: an alert, and the connection that is reset
    // behind it. One that nobody listens for ends the process.
    redis.stream.on('error', () => undefined);
  });
  return redis;
}

/** Not the error itself: it carries the command with all that was in it. */
export function redisProblem(error: unknown): Error {
  return new Error(`Redis: ${error instanceof Error ? error.message : String(error)}`);
}
