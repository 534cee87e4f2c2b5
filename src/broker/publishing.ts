/**
 * Hands one message to everybody who gets it: durable queues through the batcher, connected transient sessions
 * and QoS 0 directly, other brokers for their sessions, the retained log. Synchronous; what takes time is counted on the ticket.
 */
import type { MessageFrame } from '../cluster/peer-frame.ts';
import { StoreUnavailableError } from '../errors/store-unavailable-error.ts';
import type { Counters } from '../metrics/counters.ts';
import type { QoS } from '../mqtt/qos.ts';
import { REASON } from '../mqtt/reason-code.ts';
import { matchesFilter } from '../mqtt/topic.ts';
import type { Message } from '../queue/message.ts';
import { targetOf, type Router, type Target } from '../routing/router.ts';
import { memberMark, type SharedGroup } from '../routing/shared-group.ts';
import type { MatchedRoute, PublishOrigin, Subscriber, Waiting } from '../routing/subscriber.ts';
import type { AppendBatcher } from './append-batcher.ts';
import { ReleaseMemory } from './peers/release-memory.ts';
import type { ClientId } from '../tenancy/identity.ts';
import { PublishTicket } from './publish-ticket.ts';
import type { RetainedService } from './retained-service.ts';

/** Hears of what is published on this broker, and of nothing that other brokers tell it. */
export interface PublishTap {
  readonly filter: string;
  /** At once, and once as far as is known here. May keep the message only as `detach` gives it. */
  take(message: Message): void;
}

export class Publishing {
  readonly #taps = new Set<PublishTap>();
  readonly #router: Router;
  readonly #retained: RetainedService;
  readonly #batcher: AppendBatcher;
  readonly #counters: Counters;
  readonly #released = new ReleaseMemory();

  constructor(router: Router, retained: RetainedService, batcher: AppendBatcher, counters: Counters) {
    this.#router = router;
    this.#retained = retained;
    this.#batcher = batcher;
    this.#counters = counters;
  }

  /**
   * `ticket` is required for QoS 1 and 2 and expects everything this message waits for. `origin` makes the
   * appends idempotent beyond this process (QoS 2 release, wills); `chosen`: what `chooseMembers` said when it came.
   */
  publish(
    message: Message,
    ticket: PublishTicket | undefined,
    origin?: PublishOrigin,
    chosen?: readonly number[],
  ): void {
    if (message.retain) this.#retained.store(message, ticket);
    const repeated = origin !== undefined && this.#released.isRepeat(origin);
    if (this.#taps.size > 0 && !repeated) this.#tell(message);
    const { targets, groups } = this.#router.resolve(message.topic);
    if (targets.length === 0 && groups.length === 0) {
      if (ticket?.reasonCode === REASON.success) ticket.reasonCode = REASON.noMatchingSubscribers;
      return;
    }
    for (const target of targets) {
      if (!repeated || !isUnrecorded(target.subscriber)) this.#handTarget(message, target, ticket, origin);
    }
    for (const group of groups) {
      const member = chosenOf(group, chosen);
      if (member !== undefined) this.#handGroup(message, member, ticket, origin);
      else this.#handGroup(message, group.next(), ticket, origin && elsewhere(origin));
    }
  }

  /** Returns how to stop. */
  tap(tap: PublishTap): () => void {
    this.#taps.add(tap);
    return () => void this.#taps.delete(tap);
  }

  /**
   * Which members of shared groups are to get a message on this topic, as far as they have durable queues. Whoever publishes it later, and
   * again after a crash, perhaps on another broker, must not choose anew: two members would get it.
   */
  chooseMembers(topic: string): readonly number[] | undefined {
    const chosen = this.#router.resolve(topic).groups.flatMap((group) => {
      const member = group.next()?.subscriber;
      return member?.pending === undefined ? [] : [memberMark(member.sessionId)];
    });
    return chosen.length === 0 ? undefined : chosen;
  }

  /**
   * The part of a message that another broker leaves to this one: for transient sessions here that match it, and for one transient
   * member of each group. Resolves when it is with them; undefined: it is.
   */
  publishForPeer({ message, forInterest, groups, origin }: MessageFrame): Promise<undefined> | undefined {
    if (forInterest && (origin === undefined || !this.#released.isRepeat(origin))) {
      for (const target of this.#router.resolve(message.topic).targets) {
        if (isUnrecorded(target.subscriber)) this.#handTarget(message, target, undefined, origin);
      }
    }
    const handing = groups.flatMap(({ name, filter }) => {
      const group = this.#router.trie.group(name, filter);
      const member = group?.next((subscriber) => !isUnrecorded(subscriber));
      if (origin !== undefined && this.#released.isRepeat(inGroup(origin, name, filter))) return [];
      if (member !== undefined) this.#handTarget(message, targetOf(member), undefined, origin);
      else if (group === undefined) this.#counters.drop('sharedNoMember');
      // Its last transient member has just left: a persistent one gets it, and the peer waits for that.
      else return [this.#handDurably(message, group, origin)];
      return [];
    });
    return handing.length === 0 ? undefined : Promise.all(handing).then(() => undefined);
  }

  /** The broker that a shared group's message was left to died before it had it: another member gets it. */
  handToGroup(
    { name, filter }: { readonly name: string; readonly filter: string },
    message: Message,
    waiting: Waiting,
    origin: PublishOrigin | undefined,
  ): void {
    const group = this.#router.trie.group(name, filter);
    if (group === undefined) {
      this.#counters.drop('sharedNoMember');
      return;
    }
    waiting.expect();
    const ticket = ticketFor(message, (failed) => {
      if (failed) waiting.fail();
      else waiting.settle();
    });
    this.#handGroup(message, group.next(), ticket, origin);
    ticket.settle();
  }

  /** Whether the client's session, whose queue does not take this message, has been handed it before. */
  isRepeat(clientId: ClientId, origin: PublishOrigin | undefined): boolean {
    if (origin === undefined) return false;
    const { producer, sequence } = origin;
    return this.#released.isRepeat({ producer: `${producer} ${clientId}`, sequence });
  }

  /** Hands a message to one session, outside of routing: retained messages, shared redelivery. */
  handTo(
    subscriber: Subscriber,
    message: Message,
    qos: QoS,
    retain: boolean,
    subscriptionIds: readonly number[] | undefined,
    ticket?: PublishTicket,
    origin?: PublishOrigin,
  ): void {
    if (qos > 0 && subscriber.pending !== undefined) {
      this.#batcher.append({
        queue: subscriber.pending,
        queued: { message, qos, retain, subscriptionIds, packetId: 0 },
        receiver: subscriber,
        ticket,
        origin,
      });
    } else if (subscriber.outlet !== undefined) {
      if (subscriber.pending !== undefined && this.isRepeat(subscriber.clientId, origin)) return;
      subscriber.outlet.deliver(message, qos, retain, subscriptionIds, ticket, origin);
    } else {
      this.#counters.drop('offlineQoS0');
    }
  }

  #tell(message: Message): void {
    for (const tap of this.#taps) if (matchesFilter(tap.filter, message.topic)) tap.take(message);
  }

  #handGroup(
    message: Message,
    member: MatchedRoute | undefined,
    ticket: PublishTicket | undefined,
    origin: PublishOrigin | undefined,
  ): void {
    if (member === undefined) this.#counters.drop('sharedNoMember');
    else this.#hand(message, targetOf(member), ticket, origin);
  }

  /** Resolves when it is in the queue of a persistent member; rejects when that cannot be said. */
  #handDurably(message: Message, group: SharedGroup, origin: PublishOrigin | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const ticket = ticketFor(message, (failed) => {
        if (failed)
          reject(new StoreUnavailableError('durable queue', 'a shared message was not stored in time'));
        else resolve();
      });
      this.#handGroup(
        message,
        group.next(({ isGuest }) => isGuest),
        ticket,
        origin,
      );
      ticket.settle();
    });
  }

  #handTarget(
    message: Message,
    target: Target,
    ticket: PublishTicket | undefined,
    origin: PublishOrigin | undefined,
  ): void {
    if (!target.noLocal || target.subscriber.clientId !== message.publisher) {
      this.#hand(message, target, ticket, origin);
      return;
    }
    const local = this.#router.localTarget(message.topic, target.subscriber);
    if (local !== undefined) this.#hand(message, local, ticket, origin);
  }

  #hand(
    message: Message,
    target: Target,
    ticket: PublishTicket | undefined,
    origin: PublishOrigin | undefined,
  ): void {
    const qos = message.qos < target.qos ? message.qos : target.qos;
    const retain = message.retain && target.retainAsPublished; // [MQTT-3.3.1-12, 3.3.1-13]
    this.handTo(target.subscriber, message, qos, retain, target.subscriptionIds, ticket, origin);
  }
}

/** A session of this broker that no queue keeps anything for: what it has got it has got. */
function isUnrecorded({ isGuest, pending }: Subscriber): boolean {
  return !isGuest && pending === undefined;
}

/** undefined: none was chosen, or it has left the group since. */
function chosenOf(group: SharedGroup, chosen: readonly number[] = []): MatchedRoute | undefined {
  for (const mark of chosen) {
    const member = group.marked(mark);
    if (member !== undefined) return member;
  }
  return undefined;
}

/**
 * For a member that was not chosen in advance: its queue may have taken a later message of the same publisher that was, and must
 * not take this one for a repeat.
 */
function elsewhere({ producer, sequence }: PublishOrigin): PublishOrigin {
  return { producer: `${producer}/elsewhere`, sequence };
}

/** A group gets a message apart from whoever else gets it. */
function inGroup({ producer, sequence }: PublishOrigin, name: string, filter: string): PublishOrigin {
  return { producer: `${producer} ${name}/${filter}`, sequence };
}

function ticketFor(message: Message, settled: (failed: boolean) => void): PublishTicket {
  const publishSettled = ({ failed }: PublishTicket): void => {
    settled(failed);
  };
  return new PublishTicket({ publishSettled }, 0, message.publishedAtMs);
}
