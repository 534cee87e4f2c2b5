/** Peer links between broker processes: the protocol of `cluster/link` over TCP. */
import { LINK_LIMITS, type LinkLimits, type LinkSettings } from '../../cluster/link/link-settings.ts';
import { StreamedPeerLinks, type PeerLinksOptions } from '../../cluster/link/streamed-peer-links.ts';
import type { Endpoint } from '../../cluster/member.ts';
import { LinkProblemLog, type PeerLinksLog } from './link-problem-log.ts';
import type { PeerTls } from './peer-tls.ts';
import { TcpPeerTransport } from './tcp-peer-transport.ts';

export interface TcpPeerLinksOptions extends Pick<LinkSettings, 'self' | 'cluster' | 'timers' | 'random'> {
  /** Where to listen; port 0: one that is free. */
  readonly host: string;
  readonly port: number;
  /** Where peers reach it; default: where it listens. */
  readonly advertise?: Endpoint | undefined;
  /** Versions to speak; default: all that this release knows. */
  readonly protocol?: LinkSettings['protocol'] | undefined;
  /** Default: in the clear. All brokers of a cluster, or none. */
  readonly tls?: PeerTls | undefined;
  /** Other bounds than `LINK_LIMITS`. */
  readonly limits?: Partial<LinkLimits>;
  readonly log: PeerLinksLog;
}

export class TcpPeerLinks extends StreamedPeerLinks {
  readonly #transport: TcpPeerTransport;

  constructor(options: Omit<PeerLinksOptions, 'transport'>, transport: TcpPeerTransport) {
    super({ ...options, transport });
    this.#transport = transport;
  }

  /** For connections from now on; those that stand stay. Throws when they cannot be used: then those from before stay. */
  exchangeCertificates(tls: PeerTls): void {
    this.#transport.exchangeCertificates(tls);
  }
}

/**
 * Listens: `address` has the port. Peers are told `not ready` until `receive` is called. Rejects with Node's error when it cannot
 * listen there, or when certificate and key are of no use.
 */
export async function openTcpPeerLinks(options: TcpPeerLinksOptions): Promise<TcpPeerLinks> {
  const { self, cluster, protocol, timers, random, host, port, advertise, tls, log } = options;
  const limits = { ...LINK_LIMITS, ...options.limits };
  const problems = new LinkProblemLog(log);
  const report = problems.report.bind(problems);
  const transport = await TcpPeerTransport.listen({
    listen: { host, port },
    advertise,
    tls,
    handshakeTimeoutMs: limits.connectTimeoutMs,
    report,
  });
  const spoken = protocol === undefined ? {} : { protocol };
  return new TcpPeerLinks({ self, cluster, timers, random, limits, report, ...spoken }, transport);
}
