import { describe, expect, test } from 'vitest';
import { configSchema } from '../../../src/app/config-schema.ts';
import { tenantLimitsSchema } from '../../../src/quota/tenant-limits-schema.ts';
import { limitsWithin, NO_LIMITS, quotasOf } from '../../../src/quota/tenant-limits.ts';
import { SIMULATED_LIMITS } from '../../support/simulated-limits.ts';

describe('quotas of a tenant', () => {
  test('are what is said of it, else what is configured, else none; 0 is none', () => {
    const configured = { tenant: { connectionsMax: 10, sessionsMax: 20, subscriptionsMax: 0 } };
    const { tenant } = quotasOf(configured, { tenant: { connectionsMax: 5, sessionsMax: 0 } });
    expect(tenant).toMatchObject({
      connectionsMax: 5,
      sessionsMax: Infinity,
      subscriptionsMax: Infinity,
      publishRateMax: Infinity,
    });
  });

  test('lower the limits of the broker and never lift them', () => {
    const quotas = quotasOf(NO_LIMITS, {
      tenant: { sessionsMax: 7, retainedMessagesMax: 10_000_000 },
      client: { queueMessagesMax: 3, packetBytesMax: 1_000, receiveMaximum: 65_535, subscriptionsMax: 2 },
    });
    expect(limitsWithin(SIMULATED_LIMITS, quotas)).toEqual({
      ...SIMULATED_LIMITS,
      sessionsMax: 7,
      packetBytesMax: 1_000,
      subscriptionsPerSessionMax: 2,
      durableQueue: { ...SIMULATED_LIMITS.durableQueue, messagesMax: 3 },
      transientQueue: { ...SIMULATED_LIMITS.transientQueue, messagesMax: 3 },
    });
    expect(limitsWithin(SIMULATED_LIMITS, quotasOf(NO_LIMITS, NO_LIMITS))).toEqual(SIMULATED_LIMITS);
  });

  test('of all queues together are there if one of them is', () => {
    const { durableQueue } = limitsWithin(
      SIMULATED_LIMITS,
      quotasOf(NO_LIMITS, { tenant: { queueBytesMax: 7 } }),
    );
    expect(durableQueue).toEqual({
      ...SIMULATED_LIMITS.durableQueue,
      together: { messagesMax: Infinity, bytesMax: 7 },
    });
  });

  test('are written alike in the configuration and for one tenant', () => {
    const quotas = { tenant: { connectionsMax: 5 }, client: { publishRateMax: 10 } };
    const read = (written: object) => quotasOf(configSchema.parse(written).quotas, NO_LIMITS);
    expect(read({ quotas })).toEqual(quotasOf(quotas, NO_LIMITS));
    expect(read({})).toEqual(quotasOf(NO_LIMITS, NO_LIMITS));
    expect(tenantLimitsSchema.parse(quotas)).toEqual(quotas);
    expect(tenantLimitsSchema.parse({})).toEqual({});
    expect(tenantLimitsSchema.safeParse({ tenant: { connectionsMax: -1 } }).success).toBe(false);
    expect(tenantLimitsSchema.safeParse({ client: { connectionsMax: 1 } }).success).toBe(false);
  });
});
