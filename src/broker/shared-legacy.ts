/**
 * What a session that ends leaves to the other members of its shared subscriptions: the messages it was chosen for
 * and has not finished with [MQTT-4.8.2-6]. QoS 2 messages that may have been sent stay undelivered, as the
 * standard demands [MQTT-4.8.2-5]; what also matches a subscription of its own was the session's, not the group's.
 */
import { rendezvous } from '../cluster/rendezvous.ts';
import { StoreUnavailableError } from '../errors/store-unavailable-error.ts';
import type { DurableQueueStore, QueueEntry, QueueKey, Seq } from '../queue/durable-queue.ts';
import type { QueuedMessage } from '../queue/message.ts';
import type { Router } from '../routing/router.ts';
import type { SharedGroup } from '../routing/shared-group.ts';
import type { MatchedRoute, PublishOrigin, Route, Subscriber } from '../routing/subscriber.ts';
import { SubscriptionTrie } from '../routing/subscription-trie.ts';
import type { Clock } from '../time/clock.ts';
import type { AppendBatcher } from './append-batcher.ts';
import { PublishTicket } from './publish-ticket.ts';
import type { Publishing } from './publishing.ts';
import type { TrimBatcher } from './trim-batcher.ts';

export interface SharedLegacyOptions {
  readonly subscriber: Subscriber;
  readonly router: Router;
  readonly publishing: Publishing;
  readonly store: DurableQueueStore;
  readonly batcher: AppendBatcher;
  readonly trims: TrimBatcher;
  readonly clock: Clock;
}

/** Handed over at a time, each batch durable before the next is read. */
const READ_LIMITS = { messagesMax: 256, bytesMax: 256 * 1024 };

export class SharedLegacy {
  readonly #options: SharedLegacyOptions;
  /** The subscriptions of the session that ends, and nobody else's. */
  readonly #own: SubscriptionTrie;
  /** Of the batch under way: who gets what of QoS 2 from a group. */
  readonly #heirs = new Map<SharedGroup, MatchedRoute | undefined>();
  #next: Seq | undefined;

  private constructor(options: SharedLegacyOptions, own: SubscriptionTrie) {
    this.#options = options;
    this.#own = own;
  }

  /** `routes`: of this session. undefined: none of them is shared, so nothing is left to anybody. */
  static of(options: SharedLegacyOptions, routes: readonly Route[]): SharedLegacy | undefined {
    if (!routes.some(({ group }) => group !== undefined)) return undefined;
    const { subscriber } = options;
    const own = new SubscriptionTrie({ get: () => subscriber, peek: () => subscriber });
    for (const route of routes) own.add(subscriber.number, route, route);
    return new SharedLegacy(options, own);
  }

  /**
   * Hands over what is in the durable queue from where the last call ended; resolves when it is durable with the
   * other members. `sentThrough`: see `SessionState`. Rejects when the store does not answer. Doing it again after
   * a crash appends nothing twice to the same member, and gives what is of QoS 2 to the same one again, as long as that is a member.
   */
  async handOver(queue: QueueKey, sentThrough: Seq | undefined): Promise<void> {
    const { subscriber } = this.#options;
    subscriber.isLeaving = true;
    try {
      await this.#handAll(queue, sentThrough);
    } finally {
      subscriber.isLeaving = false;
    }
  }

  async #handAll(queue: QueueKey, sentThrough: Seq | undefined): Promise<void> {
    const { store, batcher, trims } = this.#options;
    await batcher.barrier(queue);
    // [MQTT-4.8.2-6] What the client acknowledged or refused a moment ago is nobody's any more.
    await trims.settled(queue);
    this.#next ??= (await store.bounds(queue)).min;
    for (;;) {
      const entries = await store.read(queue, this.#next, READ_LIMITS);
      const last = entries.at(-1);
      if (last === undefined) return;
      await this.#handBatch(entries, sentThrough ?? last.seq);
      this.#next = (last.seq + 1) as Seq;
    }
  }

  /** Hands over messages that waited in memory: as safe as they were there, so nobody waits for them. */
  handOverQueued(queue: Iterable<QueuedMessage>): void {
    for (const queued of queue) this.#hand(queued, undefined, undefined);
  }

  #handBatch(entries: readonly QueueEntry[], sentThrough: Seq): Promise<void> {
    this.#heirs.clear();
    return new Promise((resolve, reject) => {
      const publishSettled = ({ failed }: PublishTicket): void => {
        if (failed)
          reject(new StoreUnavailableError('durable queue', 'shared messages were not stored in time'));
        else resolve();
      };
      const ticket = new PublishTicket({ publishSettled }, 0, this.#options.clock.nowMs());
      const producer = `shared/${this.#options.subscriber.sessionId}`;
      for (const { seq, queued } of entries) {
        const mayBeDelivered = queued.qos === 2 && seq <= sentThrough;
        if (!mayBeDelivered) this.#hand(queued, ticket, { producer, sequence: seq });
      }
      ticket.settle();
    });
  }

  #hand(queued: QueuedMessage, ticket: PublishTicket | undefined, origin: PublishOrigin | undefined): void {
    const { message } = queued;
    const { routes, groups } = this.#own.match(message.topic);
    if (routes.length > 0) return;
    for (const { name, filter } of groups) {
      const group = this.#options.router.trie.group(name, filter);
      const heir = group && this.#heirIn(group, message.qos === 2 && origin !== undefined);
      if (heir === undefined) continue;
      const qos = message.qos < heir.qos ? message.qos : heir.qos;
      const retain = message.retain && heir.retainAsPublished;
      const ids = heir.subscriptionId === undefined ? undefined : [heir.subscriptionId];
      this.#options.publishing.handTo(heir.subscriber, message, qos, retain, ids, ticket, origin);
      return;
    }
  }

  /** All that are leaving are passed over: two of them would hand the same message to each other for ever. */
  #heirIn(group: SharedGroup, onlyOnce: boolean): MatchedRoute | undefined {
    const { subscriber } = this.#options;
    const isOut = (member: Subscriber): boolean => member === subscriber || member.isLeaving;
    return (onlyOnce ? this.#lastingHeirIn(group, isOut) : undefined) ?? group.next(isOut);
  }

  /**
   * One with a durable queue, the same whoever asks and whenever: turns, credit and who is connected are other ones after a crash, and two
   * members would get the same message. So what a session leaves of QoS 2 goes to one member as a whole, connected or not.
   */
  #lastingHeirIn(group: SharedGroup, isOut: (member: Subscriber) => boolean): MatchedRoute | undefined {
    if (this.#heirs.has(group)) return this.#heirs.get(group);
    const lasting = new Map<string, MatchedRoute>();
    for (const member of group.members()) {
      const { pending, isGuest, sessionId } = member.subscriber;
      if (pending !== undefined && !isGuest && !isOut(member.subscriber)) lasting.set(`${sessionId}`, member);
    }
    const chosen = rendezvous(`${this.#options.subscriber.sessionId}`, lasting.keys());
    const heir = chosen === undefined ? undefined : lasting.get(chosen);
    this.#heirs.set(group, heir);
    return heir;
  }
}
