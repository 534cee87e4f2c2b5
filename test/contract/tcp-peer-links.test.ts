import { openTcpPeerLinks } from '../../src/adapters/peer-tcp/open-tcp-peer-links.ts';
import type { PeerTls } from '../../src/adapters/peer-tcp/peer-tls.ts';
import type { PeerLinks } from '../../src/cluster/peer-links.ts';
import { PROTOCOL, type ProtocolRange } from '../../src/cluster/wire/protocol-version.ts';
import { brokerIdOf, type Incarnation } from '../../src/tenancy/identity.ts';
import { SystemTimers } from '../../src/transport/system-time.ts';
import { peerAuthority, peerCertificate } from '../support/certificates.ts';
import { HeldUpProxy } from '../support/held-up-proxy.ts';
import { member } from '../support/peer-members.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { peerLinksContract, type PeerLinksHarness } from './peer-links-contract.ts';

/** Short, so that a parted connection is given up soon. */
const LIMITS = {
  frameBytesMax: 1 << 20,
  connectTimeoutMs: 500,
  redialFirstMs: 2,
  redialMaxMs: 20,
  idleMs: 50,
  silentMs: 150,
};

const TLS: PeerTls = { ...peerCertificate, ca: peerAuthority };

interface Joined {
  readonly links: PeerLinks;
  /** Before it: others know only the proxy's address. */
  readonly proxy: HeldUpProxy;
  readonly protocol: ProtocolRange;
}

function harness(tls: PeerTls | undefined): PeerLinksHarness {
  const brokers = new Map<Incarnation, Joined>();
  const proxies = new Map<string, HeldUpProxy>();
  const ports = new Map<string, number>();
  const found = (of: Incarnation): Joined => {
    const broker = brokers.get(of);
    if (broker === undefined) throw new Error(`no broker ${of}`);
    return broker;
  };
  const both = (one: Incarnation, other: Incarnation): HeldUpProxy[] => [
    found(one).proxy,
    found(other).proxy,
  ];
  return {
    join: async (self, { cluster = 'test', protocol = PROTOCOL } = {}) => {
      const brokerId = brokerIdOf(self);
      const links = await openTcpPeerLinks({
        self,
        cluster,
        protocol,
        limits: LIMITS,
        timers: new SystemTimers(),
        random: seededRandom(1),
        log: { warn: () => undefined },
        host: '127.0.0.1',
        port: ports.get(brokerId) ?? 0,
        tls,
      });
      ports.set(brokerId, links.address.port);
      const proxy = proxies.get(brokerId) ?? (await HeldUpProxy.start(links.address.port));
      proxies.set(brokerId, proxy);
      brokers.set(self, { links, proxy, protocol });
      return links;
    },
    member: (of) => {
      const { proxy, protocol } = found(of);
      return member(of, { host: '127.0.0.1', port: proxy.port }, protocol);
    },
    cut: (one, other) => {
      for (const proxy of both(one, other)) proxy.cut();
      return Promise.resolve();
    },
    part: (one, other) => {
      for (const proxy of both(one, other)) proxy.holdUp();
    },
    heal: (one, other) => {
      for (const proxy of both(one, other)) proxy.letPass();
    },
    kill: (broker) => found(broker).links.close(),
    dispose: async () => {
      for (const proxy of proxies.values()) proxy.close();
      await Promise.all([...brokers.values()].map(({ links }) => links.close()));
    },
  };
}

peerLinksContract('tcp', () => Promise.resolve(harness(undefined)));
peerLinksContract('tcp with mutual TLS', () => Promise.resolve(harness(TLS)));
