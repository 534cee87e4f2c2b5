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
  /** true: it is asked every second whether it is there, and connected to anew when there is no answer. */
  readonly probed?: boolean;
}

const RECONNECT_MS_MAX = 1_000;
const PROBE_EVERY_MS = 1_000;
/** A server that only stops for a moment is left alone: who connects anew has missed what was said meanwhile. */
const PROBE_PATIENCE_MS = 2_000;

export function connectRedis(
  { host, port, username, password, database, tls, timeoutMs }: RedisConnectionOptions,
  { probed, ...conduct }: RedisConduct,
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
  if (probed === true) probe(redis);
  return redis;
}

/** Who only listens cannot tell silence from a connection that was cut without a word, which the system takes hours to notice. */
function probe(redis: Redis): void {
  let timer: NodeJS.Timeout | undefined;
  const answers = async (stream: Redis['stream']): Promise<void> => {
    timer = setTimeout(
      () => stream.destroy(new Error(`no answer within ${PROBE_PATIENCE_MS} ms`)),
      PROBE_PATIENCE_MS,
    );
    await redis.ping();
    // Answered by the next connection, which is probed by itself.
    if (stream !== redis.stream) return;
    clearTimeout(timer);
    later(stream);
  };
  const later = (stream: Redis['stream']): void => {
    timer = setTimeout(() => {
      // What it fails with is that the connection closes, which is told of.
      answers(stream).catch(() => undefined);
    }, PROBE_EVERY_MS);
    timer.unref();
  };
  redis.on('ready', () => {
    later(redis.stream);
  });
  redis.on('close', () => {
    clearTimeout(timer);
  });
}

/** Not the error itself: it carries the command with all that was in it. */
export function redisProblem(error: unknown): Error {
  return new Error(`Redis: ${error instanceof Error ? error.message : String(error)}`);
}
