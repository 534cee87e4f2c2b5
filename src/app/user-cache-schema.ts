/** The configuration keys of what is remembered of users in a database; see `auth-schema.ts`. */
import { z } from 'zod';
import { redisServer } from './redis-schema.ts';

/** Longest delay a timer of the platform takes. */
const TIMER_MAX_MS = 2 ** 31 - 1;

const whole = (min: number, max: number, fallback: number, description: string) =>
  z.int().min(min).max(max).default(fallback).describe(description);

const redis = z.strictObject({
  enabled: z
    .boolean()
    .default(false)
    .describe('Shares what was looked up with other brokers over Redis, and word of what changed.'),
  ...redisServer,
  prefix: z.string().default('spoke:').describe('In front of every key and channel; one per installation.'),
  timeoutMs: whole(1, TIMER_MAX_MS, 500, 'How long it may take; after that MySQL is asked.'),
});

export const userCache = z.strictObject({
  ttlMs: whole(
    1,
    TIMER_MAX_MS,
    60_000,
    'How long a user of the database is remembered, and a change may go unnoticed.',
  ),
  negativeTtlMs: whole(1, TIMER_MAX_MS, 10_000, 'How long it is remembered that there is no such user.'),
  usersMax: whole(1, 10_000_000, 100_000, 'Users remembered in the memory of a broker.'),
  redis: redis.prefault({}),
});

export type UserCacheConfig = z.output<typeof userCache>;
