/** Brokers of one process on the same stores in memory, joined by the real protocol of peers, each listening on TCP. */
import { MemoryDurableQueue } from '../../src/adapters/memory/memory-durable-queue.ts';
import { MemoryEventLog } from '../../src/adapters/memory/memory-event-log.ts';
import { MembershipHub } from '../../src/adapters/memory/memory-membership.ts';
import { MemoryPeerHub } from '../../src/adapters/memory/memory-peer-links.ts';
import { MemorySessionIds } from '../../src/adapters/memory/memory-session-ids.ts';
import { configSchema } from '../../src/app/config-schema.ts';
import type { BrokerOptions } from '../../src/broker/broker.ts';
import type { Membership } from '../../src/cluster/membership.ts';
import { PeerMesh } from '../../src/cluster/peer-mesh.ts';
import { PROTOCOL, type ProtocolRange } from '../../src/cluster/wire/protocol-version.ts';
import { AnonymousAuthenticator } from '../../src/auth/anonymous-authenticator.ts';
import { DEFAULT_TENANT, incarnation, type Incarnation, type TenantId } from '../../src/tenancy/identity.ts';
import { TenantDirectory } from '../../src/tenancy/tenant-directory.ts';
import { SystemClock, SystemTimers } from '../../src/transport/system-time.ts';
import { startMemoryBroker, type MemoryBroker } from './memory-broker.ts';

export interface ClusterBroker extends MemoryBroker {
  readonly incarnation: Incarnation;
  readonly mesh: PeerMesh;
  readonly membership: Membership;
}

/** Of a barrier: a test that runs into it has failed. */
const BARRIER_TIMEOUT_MS = 5_000;

export class MemoryCluster {
  readonly hub: MemoryPeerHub;
  readonly members: MembershipHub;
  readonly sessionLog = new MemoryEventLog();
  readonly retainedLog = new MemoryEventLog();
  readonly tenantLog = new MemoryEventLog();
  readonly store = new MemoryDurableQueue(configSchema.parse({}).limits.durableQueue);
  readonly brokers: ClusterBroker[] = [];
  readonly sessionIds = new MemorySessionIds();
  readonly #time = Object.assign(new SystemTimers(), { nowMs: () => Date.now() });

  constructor() {
    const timers = new SystemTimers();
    this.hub = new MemoryPeerHub({ time: this.#time });
    this.members = new MembershipHub({ clock: new SystemClock(), timers, sessionTimeoutMs: 500 });
  }

  /** As a broker starts: it knows the logs, then its peers, then it serves. `parts` replace what all brokers share. */
  async start(
    brokerId: string,
    parts: Partial<BrokerOptions> = {},
    protocol: ProtocolRange = PROTOCOL,
  ): Promise<ClusterBroker> {
    const self = incarnation(brokerId, this.brokers.length + 1);
    const timers = new SystemTimers();
    const log = { info: () => undefined, warn: () => undefined };
    const mesh = new PeerMesh({
      incarnation: self,
      clock: this.#time,
      timers,
      log,
      barrierTimeoutMs: BARRIER_TIMEOUT_MS,
    });
    const directory = new TenantDirectory([DEFAULT_TENANT]);
    const known = { has: (name: TenantId) => directory.get(name) !== undefined };
    const memoryBroker = await startMemoryBroker({
      incarnation: self,
      mesh,
      logsAreShared: true,
      sessionLog: this.sessionLog,
      retainedLog: this.retainedLog,
      store: this.store,
      sessionIds: this.sessionIds,
      tenantLog: this.tenantLog,
      tenants: directory,
      authenticator: new AnonymousAuthenticator(known),
      ...parts,
    });
    const { peers } = memoryBroker.broker.services;
    const links = this.hub.join(self, { protocol });
    const membership = await this.members.join({
      brokerId,
      incarnation: self,
      peerAddress: links.address,
      serverReference: undefined,
      protocol,
    });
    mesh.join(membership, links, peers);
    links.receive(peers);
    await peers.meetEverybody();
    const broker: ClusterBroker = {
      ...memoryBroker,
      incarnation: self,
      mesh,
      membership,
      close: async () => {
        await memoryBroker.broker.stop();
        await memoryBroker.close();
        await membership.leave();
        mesh.close();
        await links.close();
      },
    };
    this.brokers.push(broker);
    return broker;
  }

  async close(): Promise<void> {
    for (const broker of this.brokers.splice(0)) await broker.close();
  }
}
