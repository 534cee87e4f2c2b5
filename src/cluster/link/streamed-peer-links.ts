/** Peer links over any transport of bytes: the protocol, its time-outs and its memory, without a network of its own. */
import type { Incarnation } from '../../tenancy/identity.ts';
import type { Endpoint, Member } from '../member.ts';
import type { FrameHandler, LinkListener, PeerLink, PeerLinks } from '../peer-links.ts';
import { PROTOCOL } from '../wire/protocol-version.ts';
import { IncomingConnection } from './incoming-connection.ts';
import { IncomingPeers } from './incoming-peers.ts';
import { LINK_LIMITS, type LinkLimits, type LinkSettings } from './link-settings.ts';
import { LinkStats } from './link-stats.ts';
import { OutgoingLink } from './outgoing-link.ts';

export interface PeerLinksOptions extends Omit<LinkSettings, 'stats' | 'limits' | 'protocol'> {
  /** Other bounds than `LINK_LIMITS`. */
  readonly limits?: Partial<LinkLimits>;
  /** Versions to speak; default: all that this release knows. */
  readonly protocol?: LinkSettings['protocol'];
}

export class StreamedPeerLinks implements PeerLinks {
  readonly stats = new LinkStats();
  readonly #settings: LinkSettings;
  readonly #incoming: IncomingPeers;
  readonly #connections = new Set<IncomingConnection>();
  readonly #links = new Map<Incarnation, OutgoingLink>();
  /** Every incarnation that was ever connected to: numbers of frames begin only once. */
  readonly #met = new Set<Incarnation>();
  #isClosed = false;

  constructor(options: PeerLinksOptions) {
    this.#settings = {
      ...options,
      protocol: options.protocol ?? PROTOCOL,
      limits: { ...LINK_LIMITS, ...options.limits },
      stats: this.stats,
    };
    this.#incoming = new IncomingPeers(this.#settings);
    options.transport.accept((stream, from) => {
      const connection = new IncomingConnection(this.#settings, this.#incoming, stream, from, (ended) => {
        this.#connections.delete(ended);
      });
      this.#connections.add(connection);
      return connection;
    });
  }

  get address(): Endpoint {
    return this.#settings.transport.address;
  }

  /** Those that are not closed. */
  links(): Iterable<PeerLink> {
    return this.#links.values();
  }

  receive(handler: FrameHandler): void {
    this.#incoming.receive(handler);
  }

  connect(peer: Member, listener: LinkListener): PeerLink {
    const { incarnation } = peer;
    if (this.#isClosed) throw new Error('peer links: closed');
    if (this.#met.has(incarnation)) throw new Error(`peer links: there is, or was, a link to ${incarnation}`);
    this.#met.add(incarnation);
    const link = new OutgoingLink(this.#settings, peer, listener, () => {
      this.#links.delete(incarnation);
    });
    this.#links.set(incarnation, link);
    return link;
  }

  forget(incarnation: Incarnation): void {
    this.#incoming.forget(incarnation);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#incoming.close();
    for (const connection of [...this.#connections]) connection.cut(undefined);
    for (const link of [...this.#links.values()]) link.close();
    await this.#settings.transport.close();
  }
}
