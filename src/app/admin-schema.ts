/** The `admin` and `audit` sections of the configuration: who may look at the broker and change it, and how long that is remembered. */
import { z } from 'zod';
import { ADMIN_ROLES, LOCAL_PRINCIPAL } from '../admin/admin-principal.ts';
import { tenantName } from './tenant-name-schema.ts';

const TIMER_MAX_MS = 2 ** 31 - 1;
const MIB = 1_048_576;
const DAYS_MAX = 36_500;
const DAY_MS = 86_400_000;

const token = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,64}$/)
    .refine((name) => name !== LOCAL_PRINCIPAL.name, 'is the name of the token that the broker makes itself')
    .describe('Who asks with it; stands on the audit trail.'),
  tokenFile: z.string().min(1).describe('File with the token.'),
  role: z.enum(ADMIN_ROLES).describe('`viewer` only reads.'),
  tenant: tenantName.optional().describe('Sees and changes only this tenant.'),
});

export const admin = z.strictObject({
  enabled: z.boolean().default(true).describe('Serves admin API, metrics and health.'),
  host: z.string().min(1).default('127.0.0.1').describe('Address the admin API listens on.'),
  port: z
    .int()
    .min(0)
    .max(65535)
    .default(9883)
    .describe('Port of the admin API; 0 lets the system choose one.'),
  allowedHosts: z
    .array(z.string().min(1))
    .default([])
    .describe('Host names, besides loopback and `admin.host`, that requests may address it by.'),
  tokens: z
    .array(token)
    .default([])
    .describe(
      'Who may ask besides `local`, whose token the broker makes: `{ name, tokenFile, role, tenant }`; `role` is `admin` or `viewer`, with `tenant` only of that one.',
    ),
  metricsNeedToken: z
    .boolean()
    .default(false)
    .describe('Whether `/metrics`, which shows all tenants, wants a token without a tenant.'),
  historyMsMax: z
    .int()
    .min(1)
    .max(TIMER_MAX_MS)
    .default(60_000)
    .describe('Longest the event log is read for one question about the past, `spoke session show --at`.'),
});

export const audit = z.strictObject({
  retentionDays: z
    .int()
    .min(1)
    .max(DAYS_MAX)
    .default(365)
    .describe('How long the audit trail is kept, days.'),
  retentionBytes: z
    .int()
    .min(MIB)
    .default(1_024 * MIB)
    .describe('Size of the audit trail above which its oldest part goes earlier.'),
  subjectsMax: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(1_000)
    .describe(
      'Refused logins and exceeded quotas of a second that are told apart; the rest is only counted.',
    ),
});

export function auditRetention(config: z.output<typeof audit>): { ageMsMax: number; bytesMax: number } {
  return { ageMsMax: config.retentionDays * DAY_MS, bytesMax: config.retentionBytes };
}
