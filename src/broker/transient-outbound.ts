/**
 * The way to a client whose session ends with its connection: from a bounded queue in memory. What does not fit
 * is dropped and counted, as the quota's policy says.
 */
import { packetIdOf } from '../mqtt/in-flight-window.ts';
import type { QoS } from '../mqtt/qos.ts';
import type { QueueQuota, Seq } from '../queue/durable-queue.ts';
import type { Message, QueuedMessage } from '../queue/message.ts';
import { TransientQueue } from '../queue/transient-queue.ts';
import { REASON } from '../mqtt/reason-code.ts';
import { Outbound, type OutboundOptions } from './outbound.ts';

export interface TransientOutboundOptions extends OutboundOptions {
  /** As it is now. */
  readonly queueQuota: () => QueueQuota;
  readonly onQueueFull: () => void;
  /** Whether the client may have messages of this topic that waited for it. Default: all. */
  readonly mayReceive?: (topic: string) => boolean;
}

export class TransientOutbound extends Outbound {
  readonly #queue = new TransientQueue();
  readonly #queueQuota: () => QueueQuota;
  readonly #onQueueFull: () => void;
  readonly #mayReceive: (topic: string) => boolean;
  #sent = 0;

  constructor(options: TransientOutboundOptions) {
    super(options);
    this.#queueQuota = options.queueQuota;
    this.#onQueueFull = options.onQueueFull;
    this.#mayReceive = options.mayReceive ?? (() => true);
  }

  get queuedMessages(): number {
    return this.#queue.length;
  }

  /** Takes what waits to be sent out of the queue. */
  *drain(): Generator<QueuedMessage, void, undefined> {
    for (let queued = this.#queue.shift(); queued !== undefined; queued = this.#queue.shift()) yield queued;
  }

  override deliver(
    message: Message,
    qos: QoS,
    retain: boolean,
    subscriptionIds: readonly number[] | undefined,
  ): void {
    if (qos === 0) {
      this.sendQoS0(message, retain, subscriptionIds);
      return;
    }
    if (this.#queue.length === 0 && this.hasCredit) {
      this.#send(message, qos, retain, subscriptionIds);
      return;
    }
    const queued = { message, qos, retain, subscriptionIds, packetId: 0 };
    const dropped = this.#queue.push(queued, this.#queueQuota());
    if (dropped === 0) return;
    this.counters.drop('transientQueueFull', dropped);
    this.#onQueueFull();
  }

  /** Only durable queues append; a session that has none is never told so. */
  override appended(_seq: Seq, queued: QueuedMessage): void {
    this.deliver(queued.message, queued.qos, queued.retain, queued.subscriptionIds);
  }

  override reached(): void {
    // Nothing is kept in a store for this session.
  }

  protected override pump(): void {
    while (this.#queue.length > 0 && this.hasCredit) {
      const queued = this.#queue.shift();
      if (queued === undefined || queued.qos === 0) continue;
      if (!this.#mayReceive(queued.message.topic)) {
        this.counters.drop('notAuthorized');
        continue;
      }
      this.#send(queued.message, queued.qos, queued.retain, queued.subscriptionIds);
    }
  }

  protected override acknowledgedThrough(): void {
    // The window forgets what is acknowledged; there is nothing else to release.
  }

  /** The session lives in this process only, so the window is record enough. */
  protected override recordReceived(_seq: Seq, packetId: number): void {
    this.window.released(packetId);
    this.link.sendAck('pubrel', packetId, REASON.success);
  }

  #send(message: Message, qos: 1 | 2, retain: boolean, subscriptionIds: readonly number[] | undefined): void {
    const seq = this.#sent + 1;
    if (!this.transmit({ message, qos, retain, dup: false, packetId: packetIdOf(seq), subscriptionIds }))
      return;
    this.#sent = seq;
    this.window.sent(seq, qos);
  }
}
