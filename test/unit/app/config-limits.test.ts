import { expect, it } from 'vitest';
import { configSchema } from '../../../src/app/config-schema.ts';
import type { BrokerLimits } from '../../../src/broker/limits.ts';

it('has a default for every limit of the broker', () => {
  const limits: BrokerLimits = configSchema.parse({}).limits;
  expect(Object.values(limits).filter((limit) => limit === undefined)).toEqual([]);
  expect(limits.durableQueue.policy).toBe('reject');
});
