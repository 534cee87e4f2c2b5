/** The `auth` section of the configuration: who may connect, and what proves it. */
import { z } from 'zod';
import { topicRule } from '../adapters/file/topic-rule-schema.ts';
import {
  ARGON2ID_MEMORY_KIB,
  ARGON2ID_PASSES,
  MEMORY_KIB_MAX,
  MEMORY_KIB_MIN,
  PASSES_MAX,
} from '../auth/argon2id-hash.ts';
import { ITERATIONS_MAX, ITERATIONS_MIN } from '../auth/scram-credentials.ts';
import { LN_MAX, LN_MIN, SCRYPT_LN } from '../auth/scrypt-hash.ts';
import { jwt } from './jwt-schema.ts';
import { mysql } from './mysql-schema.ts';
import { tenantName } from './tenant-name-schema.ts';
import { userCache } from './user-cache-schema.ts';
import { webhook } from './webhook-schema.ts';

/** Longest delay a timer of the platform takes. */
const TIMER_MAX_MS = 2 ** 31 - 1;
const TRACKED_MAX = 10_000_000;

const whole = (min: number, max: number, fallback: number, description: string) =>
  z.int().min(min).max(max).default(fallback).describe(description);
const durationMs = (fallback: number, description: string) => whole(1, TIMER_MAX_MS, fallback, description);

/** What a chain may be made of. */
export const CHAIN_LINKS = ['file', 'mysql', 'jwt', 'certificate', 'http', 'anonymous'] as const;
export type ChainLink = (typeof CHAIN_LINKS)[number];

const chain = z.array(z.enum(CHAIN_LINKS)).min(1);
const rules = z.array(topicRule).default([]);

const passwords = z.strictObject({
  algorithm: z
    .enum(['scrypt', 'argon2id'])
    .default('scrypt')
    .describe('How passwords are hashed that are set from now on; hashes of both kinds are understood.'),
  scryptLn: whole(
    LN_MIN,
    LN_MAX,
    SCRYPT_LN,
    'scrypt: rounds as a power of two; each takes 2^ln KiB of memory.',
  ),
  argon2MemoryKib: whole(
    MEMORY_KIB_MIN,
    MEMORY_KIB_MAX,
    ARGON2ID_MEMORY_KIB,
    'Argon2id: memory of one hash, KiB.',
  ),
  argon2Passes: whole(1, PASSES_MAX, ARGON2ID_PASSES, 'Argon2id: passes over that memory.'),
  upgradeOnLogin: z
    .boolean()
    .default(true)
    .describe('Hashes weaker than that are replaced, in the users file too, when their users log in.'),
});

const lockOut = z.strictObject({
  userFailures: z
    .int()
    .min(0)
    .default(20)
    .describe('Wrong logins as one user within `windowMs` after which nobody logs in as it; 0: no limit.'),
  addressFailures: z
    .int()
    .min(0)
    .default(200)
    .describe(
      'Wrong logins from one address (IPv6: /64) within `windowMs` after which none is taken; 0: no limit.',
    ),
  windowMs: durationMs(60_000, 'Time over which wrong logins are counted.'),
  lockMs: durationMs(60_000, 'How long a user or an address is locked out.'),
  trackedMax: whole(
    1,
    TRACKED_MAX,
    100_000,
    'Users and addresses whose wrong logins are remembered, of each.',
  ),
});

export const auth = z.strictObject({
  mode: z
    .enum(['anonymous', 'file', 'chain'])
    .default('anonymous')
    .describe('`anonymous` lets everybody in; `file` asks the users file; `chain` asks what `chain` says.'),
  chain: chain.default(['file']).describe('Who is asked about a client, in this order, until one knows it.'),
  tenantChains: z
    .array(z.strictObject({ tenant: tenantName, chain }))
    .default([])
    .describe('Tenants with another chain: `{ tenant: NAME, chain: […] }`.'),
  certificateRules: rules.describe('Rights of clients that `certificate` lets in.'),
  anonymousRules: rules.describe('Rights of clients that `anonymous` lets in at the end of a chain.'),
  usersFile: z.string().min(1).default('./users.yaml').describe('Users, see `spoke user`.'),
  scramIterations: z
    .int()
    .min(ITERATIONS_MIN)
    .max(ITERATIONS_MAX)
    .default(ITERATIONS_MIN)
    .describe(
      'SCRAM-SHA-256: rounds of hashing that a client does at each login; for passwords set from now on.',
    ),
  passwords: passwords.prefault({}),
  lockOut: lockOut.prefault({}),
  mysql: mysql.prefault({}),
  cache: userCache.prefault({}),
  jwt: jwt.prefault({}),
  http: webhook.prefault({}),
});

export type AuthConfig = z.output<typeof auth>;
