/** A broker over stores in memory, listening on TCP: for tests that give it parts, or reach into it, as no configuration does. */
import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { MemoryDurableQueue } from '../../src/adapters/memory/memory-durable-queue.ts';
import { MemoryEventLog } from '../../src/adapters/memory/memory-event-log.ts';
import { MemorySessionIds } from '../../src/adapters/memory/memory-session-ids.ts';
import { configSchema } from '../../src/app/config-schema.ts';
import { AnonymousAuthenticator } from '../../src/auth/anonymous-authenticator.ts';
import { Broker, type BrokerOptions } from '../../src/broker/broker.ts';
import type { EventLog } from '../../src/event-log/event-log.ts';
import { DEFAULT_TENANT, incarnation } from '../../src/tenancy/identity.ts';
import { TenantDirectory } from '../../src/tenancy/tenant-directory.ts';
import { SystemClock, SystemTimers } from '../../src/transport/system-time.ts';
import { TransportServer } from '../../src/transport/transport-server.ts';

export type MemoryParts = Partial<BrokerOptions> & {
  /** Of tenants; default: it has none but those of `tenants`. */
  readonly tenantLog?: EventLog;
};

export interface MemoryBroker {
  readonly broker: Broker;
  readonly port: number;
  close(): Promise<void>;
}

/** Without listeners, following its logs. `parts` replace what an anonymous broker with default limits has. */
export async function openMemoryBroker({ tenantLog, ...parts }: MemoryParts = {}): Promise<Broker> {
  const { limits = configSchema.parse({}).limits } = parts;
  const { sessionLog = new MemoryEventLog(), retainedLog = new MemoryEventLog() } = parts;
  const broker = new Broker({
    tenants: new TenantDirectory([DEFAULT_TENANT]),
    defaultTenant: DEFAULT_TENANT,
    incarnation: incarnation('test', 1),
    logsAreShared: false,
    sessionLog,
    retainedLog,
    store: new MemoryDurableQueue(limits.durableQueue),
    sessionIds: new MemorySessionIds(),
    authenticator: new AnonymousAuthenticator(new Set([DEFAULT_TENANT])),
    enhancedAuthenticators: [],
    clock: new SystemClock(),
    timers: new SystemTimers(),
    limits,
    log: pino({ level: 'silent' }),
    randomId: randomUUID,
    ...parts,
  });
  await tenantLog?.follow(await tenantLog.startOffsets(), (entries) => {
    for (const entry of entries) broker.applyTenantRecord(entry);
  });
  await sessionLog.follow(await sessionLog.startOffsets(), (entries) => {
    for (const entry of entries) {
      broker.applySessionRecord(entry);
      broker.applied.reached(entry);
    }
  });
  await retainedLog.follow(await retainedLog.startOffsets(), (entries) => {
    for (const entry of entries) {
      broker.applyRetainedRecord(entry);
      broker.appliedRetained.reached(entry);
    }
  });
  return broker;
}

/** As `openMemoryBroker`, listening. */
export async function startMemoryBroker(parts: MemoryParts = {}): Promise<MemoryBroker> {
  const broker = await openMemoryBroker(parts);
  const { limits, clock, timers } = broker.services;
  const server = new TransportServer({
    listeners: [{ transport: 'tcp', port: 0 }],
    limits,
    clock,
    timers,
    accept: broker.accept,
  });
  const port = (await server.listen())[0]?.port ?? 0;
  return { broker, port, close: () => server.close() };
}
