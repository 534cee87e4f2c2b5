/**
 * Hands one message to everybody who gets it: durable queues through the batcher, connected transient sessions
 * and QoS 0 directly, the retained log. Synchronous; what takes time is counted on the ticket.
 */
import type { Counters } from '../metrics/counters.ts';
import type { QoS } from '../mqtt/qos.ts';
import { REASON } from '../mqtt/reason-code.ts';
import type { Message } from '../queue/message.ts';
import { targetOf, type Router, type Target } from '../routing/router.ts';
import type { Subscriber } from '../routing/subscriber.ts';
import type { AppendBatcher, AppendOrigin } from './append-batcher.ts';
import type { PublishTicket } from './publish-ticket.ts';
import type { RetainedService } from './retained-service.ts';

export class Publishing {
  readonly #router: Router;
  readonly #retained: RetainedService;
  readonly #batcher: AppendBatcher;
  readonly #counters: Counters;

  constructor(router: Router, retained: RetainedService, batcher: AppendBatcher, counters: Counters) {
    this.#router = router;
    this.#retained = retained;
    this.#batcher = batcher;
    this.#counters = counters;
  }

  /**
   * `ticket` is required for QoS 1 and 2 and expects everything this message waits for. `origin` makes the
   * appends idempotent beyond this process (QoS 2 release, wills).
   */
  publish(message: Message, ticket: PublishTicket | undefined, origin?: AppendOrigin): void {
    if (message.retain) this.#retained.store(message, ticket);
    const { targets, groups } = this.#router.resolve(message.topic);
    if (targets.length === 0 && groups.length === 0) {
      if (ticket?.reasonCode === REASON.success) ticket.reasonCode = REASON.noMatchingSubscribers;
      return;
    }
    for (const target of targets) {
      if (target.noLocal && target.subscriber.clientId === message.publisher) {
        const local = this.#router.localTarget(message.topic, target.subscriber);
        if (local !== undefined) this.#hand(message, local, ticket, origin);
      } else {
        this.#hand(message, target, ticket, origin);
      }
    }
    for (const group of groups) {
      const member = group.next();
      if (member === undefined) this.#counters.drop('sharedNoMember');
      else this.#hand(message, targetOf(member), ticket, origin);
    }
  }

  /** Hands a message to one session, outside of routing: retained messages, shared redelivery. */
  handTo(
    subscriber: Subscriber,
    message: Message,
    qos: QoS,
    retain: boolean,
    subscriptionIds: readonly number[] | undefined,
    ticket?: PublishTicket,
    origin?: AppendOrigin,
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
      subscriber.outlet.deliver(message, qos, retain, subscriptionIds);
    } else {
      this.#counters.drop('offlineQoS0');
    }
  }

  #hand(
    message: Message,
    target: Target,
    ticket: PublishTicket | undefined,
    origin: AppendOrigin | undefined,
  ): void {
    const qos = message.qos < target.qos ? message.qos : target.qos;
    const retain = message.retain && target.retainAsPublished; // [MQTT-3.3.1-12, 3.3.1-13]
    this.handTo(target.subscriber, message, qos, retain, target.subscriptionIds, ticket, origin);
  }
}
