import { MemoryPeerHub } from '../../src/adapters/memory/memory-peer-links.ts';
import type { StreamedPeerLinks } from '../../src/cluster/link/streamed-peer-links.ts';
import { PROTOCOL, type ProtocolRange } from '../../src/cluster/wire/protocol-version.ts';
import type { Incarnation } from '../../src/tenancy/identity.ts';
import { SystemClock, SystemTimers } from '../../src/transport/system-time.ts';
import { member } from '../support/peer-members.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { peerLinksContract } from './peer-links-contract.ts';

/** Short, so that a parted connection is given up soon. */
const LIMITS = {
  frameBytesMax: 1 << 20,
  connectTimeoutMs: 100,
  redialFirstMs: 2,
  redialMaxMs: 20,
  idleMs: 20,
  silentMs: 60,
};

peerLinksContract('memory', () => {
  const clock = new SystemClock();
  const timers = new SystemTimers();
  const random = seededRandom(1);
  const hub = new MemoryPeerHub({
    time: {
      nowMs: () => clock.nowMs(),
      after: (delayMs, action) => timers.after(delayMs, action),
      endOfTurn: (action) => {
        timers.endOfTurn(action);
      },
    },
    latencyMs: () => Math.floor(random() * 2),
    random,
  });
  const brokers = new Map<
    Incarnation,
    { readonly links: StreamedPeerLinks; readonly protocol: ProtocolRange }
  >();
  const found = (of: Incarnation) => {
    const broker = brokers.get(of);
    if (broker === undefined) throw new Error(`no broker ${of}`);
    return broker;
  };
  return Promise.resolve({
    join: (self, { cluster = 'test', protocol = PROTOCOL } = {}) => {
      const links = hub.join(self, { cluster, protocol, limits: LIMITS });
      brokers.set(self, { links, protocol });
      return Promise.resolve(links);
    },
    member: (of) => member(of, found(of).links.address, found(of).protocol),
    cut: (one, other) => {
      hub.cut(one, other);
      return Promise.resolve();
    },
    part: (one, other) => {
      hub.part(one, other);
    },
    heal: (one, other) => {
      hub.heal(one, other);
    },
    kill: (broker) => {
      hub.kill(broker);
      return Promise.resolve();
    },
    dispose: async () => {
      await Promise.all([...brokers.values()].map(({ links }) => links.close()));
    },
  });
});
