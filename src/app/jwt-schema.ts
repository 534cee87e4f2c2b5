/** The configuration keys of tokens; see `auth-schema.ts`. */
import { z } from 'zod';
import { topicRule } from '../adapters/file/topic-rule-schema.ts';

/** Longest delay a timer of the platform takes. */
const TIMER_MAX_MS = 2 ** 31 - 1;

const ALGORITHMS = [
  ...['HS256', 'HS384', 'HS512', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA'],
];

const text = (fallback: string, description: string) => z.string().default(fallback).describe(description);
const durationMs = (fallback: number, description: string) =>
  z.int().min(1).max(TIMER_MAX_MS).default(fallback).describe(description);

export const jwt = z.strictObject({
  secret: text(
    '',
    'Shared secret of HS256, HS384 and HS512, at least 32 characters; empty: those are refused.',
  ).meta({
    secret: true,
  }),
  jwksFile: text('', 'File with the public keys of tokens (JWKS), read again when it changes; empty: none.'),
  jwksUrl: text('', 'Where the public keys of tokens are fetched, http(s)://…; empty: nowhere.'),
  caFile: text('', 'Authorities that its certificate is checked against, PEM; empty: those of the platform.'),
  refreshMs: durationMs(
    600_000,
    'Age at which keys are fetched again; at once when a token names an unknown one.',
  ),
  timeoutMs: durationMs(5_000, 'How long fetching them may take.'),
  algorithms: z
    .array(z.enum(ALGORITHMS))
    .min(1)
    .default(ALGORITHMS)
    .describe('Algorithms that tokens may be signed with.'),
  issuer: text('', 'Who has to have made tokens, `iss`; empty: whoever has the key.'),
  audience: text('', 'Whom tokens have to be for, `aud`; empty: whoever.'),
  clockToleranceS: z.int().min(0).max(300).default(5).describe('Seconds that clocks may differ.'),
  tenantClaim: text('tenant', 'Claim that is the tenant; tokens without it are of `defaultTenant`.'),
  nameClaim: text('sub', 'Claim that is the client name.'),
  rulesClaim: text('rules', 'Claim that is a list of rules; tokens without it have `rules`.'),
  rules: z.array(topicRule).default([]).describe('Rights of tokens that say none.'),
});

export type JwtConfig = z.output<typeof jwt>;
