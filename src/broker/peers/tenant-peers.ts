/**
 * One tenant among several brokers: which of its routes lead to other brokers, what those say of it, and what they are told. A broker
 * that is alone pays nothing for it.
 */
import type { CreditFrame, MessageFrame, ReachedFrame } from '../../cluster/peer-frame.ts';
import type { PeerLink } from '../../cluster/peer-links.ts';
import type { Seq } from '../../queue/durable-queue.ts';
import type { SubscriberDirectory } from '../../routing/subscriber-directory.ts';
import type { RoutePlace, Subscriber } from '../../routing/subscriber.ts';
import type { SessionOwner, SessionState } from '../../session/events.ts';
import type { ClientId, Incarnation, SessionId } from '../../tenancy/identity.ts';
import type { TenantBroker } from '../tenant-broker.ts';
import { decodeSentThrough, HandOffs } from './hand-off.ts';
import { InterestOutlet, type InterestOutletOptions } from './interest-outlet.ts';
import { LocalCredit } from './local-credit.ts';
import { LocalInterest } from './local-interest.ts';
import { PeerInterest } from './peer-interest.ts';
import type { PeerExchange } from './peer-exchange.ts';
import { RemoteOutlet } from './remote-outlet.ts';

/**
 * How long a broker that cannot be reached is waited for, to let go of a session. Most likely it has died, and its clients are waiting; what it had
 * under way in a store has been decided by then.
 */
const UNLINKED_MS_MAX = 1_000;

export class TenantPeers {
  readonly handOffs: HandOffs;
  readonly interest: LocalInterest;
  readonly credit: LocalCredit;
  readonly #broker: TenantBroker;
  readonly #exchange: PeerExchange;
  readonly #guests: PeerInterest;

  constructor(broker: TenantBroker, exchange: PeerExchange, subscribers: SubscriberDirectory) {
    const { tenant, router, counters } = broker;
    this.#broker = broker;
    this.#exchange = exchange;
    this.handOffs = new HandOffs(broker);
    this.interest = new LocalInterest(tenant, {
      added: (place) => exchange.tellInterest(tenant, place),
      removed: (place) => {
        exchange.tellNoInterest(tenant, place);
      },
    });
    this.credit = new LocalCredit({
      tenant,
      timers: broker.services.timers,
      filtersOf: (clientId) => broker.registry.get(clientId)?.subscriptions.keys() ?? [],
      tellAll: (frame) => {
        exchange.tellCredit(frame);
      },
    });
    const find = exchange.outboxTo;
    this.#guests = new PeerInterest({
      router,
      subscribers,
      counters,
      outletTo: (peer, group) => {
        const onGone: InterestOutletOptions['onGone'] = (of, message, waiting, origin) => {
          broker.publishing.handToGroup(of, message, waiting, origin);
        };
        return new InterestOutlet({ peer, tenant, group, find, onGone });
      },
    });
  }

  /** Routes to other brokers among those of this one. */
  get routes(): number {
    return this.#guests.size;
  }

  applyInterest(from: Incarnation, added: readonly RoutePlace[], removed: readonly RoutePlace[]): void {
    this.#guests.apply(from, { added, removed });
  }

  forget(peer: Incarnation): void {
    this.#guests.forget(peer);
  }

  /** Its client is connected to another broker, which is told how far we have appended: we may not have known of it then. */
  connectedElsewhere(subscriber: Subscriber, owner: SessionOwner): void {
    const { tenant } = this.#broker;
    const { clientId, sessionId, appendedThrough } = subscriber;
    if (subscriber.outlet instanceof RemoteOutlet && subscriber.outlet.owner === owner.incarnation) return;
    subscriber.outlet = new RemoteOutlet(
      owner.incarnation,
      { tenant, clientId, sessionId },
      this.#exchange.outboxTo,
    );
    if (appendedThrough > 0) subscriber.outlet.reached(appendedThrough as Seq);
  }

  /** It is connected to no other broker now. */
  notElsewhere(subscriber: Subscriber): void {
    if (subscriber.outlet instanceof RemoteOutlet) subscriber.outlet = undefined;
  }

  /** Of a message of another broker. Resolves when everybody here has it; undefined: they have. */
  take(frame: MessageFrame): Promise<undefined> | undefined {
    const { message, origin } = frame;
    for (const { clientId, sessionId, seq, qos, retain, subscriptionIds } of frame.targets) {
      const outlet = this.#connectedHere(clientId, sessionId)?.outlet;
      // Not here any more, or not yet: whoever has it next reads its queue, which has the message.
      if (outlet === undefined) continue;
      if (seq === 0) {
        if (!this.#broker.publishing.isRepeat(clientId, origin))
          outlet.deliver(message, qos, retain, subscriptionIds);
      } else outlet.appended(seq, { message, qos, retain, subscriptionIds, packetId: 0 });
    }
    if (!frame.forInterest && frame.groups.length === 0) return undefined;
    return this.#broker.publishing.publishForPeer(frame);
  }

  reached({ queues }: ReachedFrame): void {
    for (const { clientId, sessionId, seq } of queues)
      this.#connectedHere(clientId, sessionId)?.outlet?.reached(seq);
  }

  /** Of a persistent session that is connected here. */
  creditChangedHere(clientId: ClientId, hasCredit: boolean): void {
    if (this.#exchange.mesh.isJoined) this.credit.changed(clientId, hasCredit);
  }

  /** A member of shared groups that is connected to that peer can take more, or cannot for now. */
  creditChanged(from: Incarnation, { clientId, hasCredit }: CreditFrame): void {
    const outlet = this.#broker.subscriber(clientId)?.outlet;
    if (outlet instanceof RemoteOutlet && outlet.owner === from) outlet.stalled = !hasCredit;
  }

  /** Before the session is taken up here: the broker that had it lets go of it. Resolves with how far it has sent, if it says so. */
  async takeOver(session: SessionState, from: SessionOwner): Promise<Seq | undefined> {
    const link: PeerLink | undefined = this.#exchange.mesh.link(from.incarnation);
    if (link === undefined) return undefined;
    const { tenant, clientId, sessionId } = session;
    const frame = { type: 'handOff', tenant, clientId, sessionId } as const;
    const outcome = await this.#exchange.mesh.askWhileLinked(link, frame, UNLINKED_MS_MAX);
    return outcome?.type === 'handled' ? decodeSentThrough(outcome.reply) : undefined;
  }

  #connectedHere(clientId: ClientId, sessionId: SessionId): Subscriber | undefined {
    const session = this.#broker.active(clientId);
    return session?.sessionId === sessionId ? session.subscriber : undefined;
  }
}
