/** The configuration keys of the users in MySQL or MariaDB; see `auth-schema.ts`. */
import { z } from 'zod';
import { clientTls } from './client-tls-schema.ts';

/** Longest delay a timer of the platform takes. */
const TIMER_MAX_MS = 2 ** 31 - 1;

const whole = (min: number, max: number, fallback: number, description: string) =>
  z.int().min(min).max(max).default(fallback).describe(description);
const text = (fallback: string, description: string) =>
  z.string().min(1).default(fallback).describe(description);

export const mysql = z.strictObject({
  host: text('127.0.0.1', 'Host of MySQL or MariaDB.'),
  port: whole(1, 65_535, 3_306, 'Its port.'),
  user: text(
    'spokemq',
    'User that it knows us by. To log clients in, reading `spoke_users` and `spoke_rules` is enough.',
  ),
  password: z
    .string()
    .default('')
    .describe('Password of that user; better in the environment than in a file.')
    .meta({ secret: true }),
  database: text('spokemq', 'Database with the tables of users; see `spoke storage apply`.'),
  tls: clientTls.prefault({}),
  connectionsMax: whole(1, 1_000, 8, 'Connections, and statements at a time; each looks up to 100 users up.'),
  waitingMax: whole(1, 1_000_000, 20_000, 'Logins that may wait for it; further ones are refused (0x88).'),
  connectTimeoutMs: whole(1, TIMER_MAX_MS, 2_000, 'How long it may take to accept a connection.'),
  queryTimeoutMs: whole(
    1,
    TIMER_MAX_MS,
    2_000,
    'How long a statement may take before the login is refused (0x88).',
  ),
});

export type MySqlConfig = z.output<typeof mysql>;
