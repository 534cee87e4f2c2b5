/** The configuration keys of the webhook that is asked about logins; see `auth-schema.ts`. */
import { z } from 'zod';
import { topicRule } from '../adapters/file/topic-rule-schema.ts';
import { tlsFiles } from './client-tls-schema.ts';

/** Longest delay a timer of the platform takes. */
const TIMER_MAX_MS = 2 ** 31 - 1;
const ANSWER_BYTES_MAX = 16 * 1024 * 1024;

const text = (description: string) => z.string().default('').describe(description);
const whole = (min: number, max: number, fallback: number, description: string) =>
  z.int().min(min).max(max).default(fallback).describe(description);

export const webhook = z.strictObject({
  url: text('Where it is asked with POST who may log in, http(s)://…; `http` in a chain needs it.'),
  allowPlainRemote: z
    .boolean()
    .default(false)
    .describe('Allows an http:// URL beyond this machine: whoever listens on the way reads every password.'),
  authorization: text(
    'Header `authorization` of the requests, for example `Bearer …`; better in the environment than in a file.',
  ).meta({ secret: true }),
  headersFile: text('File with further headers, one `name: value` a line, read at the start; empty: none.'),
  tls: z.strictObject(tlsFiles).prefault({}),
  timeoutMs: whole(1, TIMER_MAX_MS, 2_000, 'How long an answer may take before the login is refused (0x88).'),
  requestsMax: whole(1, 1_000, 32, 'Requests, and connections to it, at a time.'),
  waitingMax: whole(1, 1_000_000, 20_000, 'Logins that may wait for it; further ones are refused (0x88).'),
  answerBytesMax: whole(64, ANSWER_BYTES_MAX, 65_536, 'Longer answers are none (0x88).'),
  ttlMs: whole(0, TIMER_MAX_MS, 10_000, 'How long it is remembered who was let in; 0: not at all.'),
  negativeTtlMs: whole(0, TIMER_MAX_MS, 2_000, 'How long it is remembered who was not; 0: not at all.'),
  rememberedMax: whole(1, 10_000_000, 100_000, 'Answers remembered.'),
  rules: z.array(topicRule).default([]).describe('Rights of users whose answer says none.'),
});

export type WebhookConfig = z.output<typeof webhook>;
