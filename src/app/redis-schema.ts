/** The configuration keys of how a Redis is reached, wherever one is used. */
import { z } from 'zod';
import { clientTls } from './client-tls-schema.ts';

export const redisServer = {
  host: z.string().min(1).default('127.0.0.1').describe('Host of Redis.'),
  port: z.int().min(1).max(65_535).default(6_379).describe('Its port.'),
  username: z.string().default('').describe('User that it knows us by; empty: the default one.'),
  password: z
    .string()
    .default('')
    .describe('Password of that user; better in the environment than in a file.')
    .meta({ secret: true }),
  database: z.int().min(0).max(1_000_000).default(0).describe('Number of the database in it.'),
  tls: clientTls.prefault({}),
};
