/** Members in a real ZooKeeper, each behind a piece of network of its own. */
import { openMembership } from '../../src/adapters/zookeeper/zookeeper-membership.ts';
import type { NewMember } from '../../src/cluster/member-view.ts';
import type { Membership } from '../../src/cluster/membership.ts';
import { SystemClock, SystemTimers } from '../../src/transport/system-time.ts';
import { TcpRelay } from './tcp-relay.ts';

export class ZooKeeperMembers {
  /** Nobody else is there. */
  readonly namespace: string;
  /** What members found odd. */
  readonly notices: string[] = [];
  readonly #zookeeper: { readonly host: string; readonly port: number };
  readonly #sessionTimeoutMs: number;
  readonly #relays = new Map<Membership, TcpRelay>();

  /** `quorum`: one server. */
  constructor(quorum: string, namespace: string, sessionTimeoutMs: number) {
    const [host = '', port] = quorum.split(':');
    this.#zookeeper = { host, port: Number(port) };
    this.namespace = namespace;
    this.#sessionTimeoutMs = sessionTimeoutMs;
  }

  async join(self: NewMember): Promise<Membership> {
    const relay = await TcpRelay.start(this.#zookeeper);
    const membership = await openMembership({
      quorum: `127.0.0.1:${relay.port}`,
      namespace: this.namespace,
      self,
      sessionTimeoutMs: this.#sessionTimeoutMs,
      clock: new SystemClock(),
      timers: new SystemTimers(),
      monotonicMs: () => performance.now(),
      onNotice: (text) => this.notices.push(text),
    });
    this.#relays.set(membership, relay);
    return membership;
  }

  /** Between that member and ZooKeeper. */
  network(membership: Membership): TcpRelay {
    const relay = this.#relays.get(membership);
    if (relay === undefined) throw new Error('not one of these members');
    return relay;
  }

  async dispose(): Promise<void> {
    for (const [membership, relay] of this.#relays) {
      relay.mend();
      await membership.leave();
      relay.close();
    }
  }
}
