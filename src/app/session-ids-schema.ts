/** The `sessionIds` section of the configuration: who gives the identifiers of sessions. */
import { z } from 'zod';
import { redisServer } from './redis-schema.ts';

/** Longest delay a timer of the platform takes. */
const TIMER_MAX_MS = 2 ** 31 - 1;

export const sessionIds = z.strictObject({
  store: z
    .enum(['eventLog', 'redis'])
    .default('eventLog')
    .describe(
      'Who numbers sessions: `eventLog` is `dataDirectory`, or HBase where `eventLog.store` is `kafka`; `redis` has to be one that loses nothing.',
    ),
  redis: z
    .strictObject({
      ...redisServer,
      prefix: z.string().default('spoke:').describe('In front of every key; one per installation.'),
      timeoutMs: z
        .int()
        .min(1)
        .max(TIMER_MAX_MS)
        .default(3_000)
        .describe('How long it may take; after that the client is told to try again.'),
    })
    .prefault({}),
});
