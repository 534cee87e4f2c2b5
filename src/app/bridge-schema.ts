/** The `bridge` section of the configuration: messages to and from other services over Redis. Which keys go together says `bridge-rules.ts`. */
import { z } from 'zod';
import { DEFAULT_TENANT } from '../tenancy/identity.ts';
import { redisServer } from './redis-schema.ts';
import { tenantName } from './tenant-name-schema.ts';

/** Longest delay a timer of the platform takes. */
const TIMER_MAX_MS = 2 ** 31 - 1;
const LENGTH_MAX = 1_000_000_000;

const rule = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/),
  tenant: tenantName.prefault(DEFAULT_TENANT),
  direction: z.enum(['out', 'in']),
  filter: z.string().min(1),
  channel: z.string().min(1).optional(),
  stream: z.string().min(1).optional(),
  format: z.enum(['json', 'raw']).default('json'),
  maxLen: z.int().min(0).max(LENGTH_MAX).optional(),
  group: z.string().min(1).optional(),
  topic: z.string().min(1).optional(),
  qos: z.literal([0, 1, 2]).optional(),
  retain: z.boolean().optional(),
});

export const bridge = z.strictObject({
  redis: z
    .strictObject({
      ...redisServer,
      prefix: z.string().default('').describe('In front of the names of all channels and streams.'),
      timeoutMs: z
        .int()
        .min(1)
        .max(TIMER_MAX_MS)
        .default(5_000)
        .describe('How long it may take before it counts as away.'),
    })
    .prefault({}),
  rules: z
    .array(rule)
    .default([])
    .describe('What goes to other services and comes from them over Redis; see docs/bridge.md.'),
});

export type BridgeConfig = z.output<typeof bridge>;
export type BridgeRuleConfig = BridgeConfig['rules'][number];
