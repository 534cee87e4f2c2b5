/** What a tenant's broker is given, in memory and in simulated time; each test replaces what it looks at. */
import { AnonymousAuthenticator } from '../../src/auth/anonymous-authenticator.ts';
import { MemoryDurableQueue } from '../../src/adapters/memory/memory-durable-queue.ts';
import { MemoryEventLog } from '../../src/adapters/memory/memory-event-log.ts';
import { MemorySessionIds } from '../../src/adapters/memory/memory-session-ids.ts';
import type { BrokerOptions } from '../../src/broker/broker.ts';
import { Broker } from '../../src/broker/broker.ts';
import type { BrokerServices } from '../../src/broker/broker-services.ts';
import { DEFAULT_TENANT, incarnation } from '../../src/tenancy/identity.ts';
import { TenantDirectory } from '../../src/tenancy/tenant-directory.ts';
import { SIMULATED_LIMITS } from './simulated-limits.ts';
import type { SimulatedTime } from './simulated-time.ts';

const ignore = (): void => undefined;
export const SILENT_LOG = { debug: ignore, info: ignore, warn: ignore, error: ignore };

export type SimulatedOptions = Partial<BrokerOptions> & { readonly time: SimulatedTime };

export function simulatedOptions({ time, ...changes }: SimulatedOptions): BrokerOptions {
  const limits = changes.limits ?? SIMULATED_LIMITS;
  return {
    tenants: new TenantDirectory([DEFAULT_TENANT]),
    defaultTenant: DEFAULT_TENANT,
    incarnation: incarnation('sim', 1),
    logsAreShared: false,
    sessionLog: new MemoryEventLog(),
    retainedLog: new MemoryEventLog(),
    store: new MemoryDurableQueue(limits.durableQueue),
    sessionIds: new MemorySessionIds(),
    authenticator: new AnonymousAuthenticator(new Set([DEFAULT_TENANT])),
    enhancedAuthenticators: [],
    clock: time,
    timers: time,
    limits,
    log: SILENT_LOG,
    randomId: () => 'unique',
    ...changes,
  };
}

export function simulatedServices(options: SimulatedOptions): BrokerServices {
  return new Broker({ ...simulatedOptions(options), tenants: new TenantDirectory([]) }).services;
}
