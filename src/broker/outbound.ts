/**
 * The way to one connected client: what durable and transient sessions share. An outbound pulls from its queue
 * only while the client's window and the connection's outbox have room; nothing ever waits on a socket.
 */
import { InFlightWindow } from '../mqtt/in-flight-window.ts';
import type { QoS } from '../mqtt/qos.ts';
import type { Seq } from '../queue/durable-queue.ts';
import type { Message } from '../queue/message.ts';
import type { ClientQuota } from '../quota/client-quota.ts';
import type { Counters } from '../metrics/counters.ts';
import type { Outlet } from '../routing/subscriber.ts';
import type { Clock } from '../time/clock.ts';
import type { ClientLink, Delivery } from './client-link.ts';

export interface OutboundOptions {
  readonly link: ClientLink;
  readonly clock: Clock;
  readonly counters: Counters;
  /** min(the client's receive maximum, the broker's in-flight limit). */
  readonly inFlightMax: number;
  /** Outbox bytes at which nothing new is sent and QoS 0 is dropped. */
  readonly outboxBytesHigh: number;
  /** Default: bytes are not limited. */
  readonly quota?: ClientQuota;
  /** `hasCredit` is another now; not told when it stops. Default: nobody wants to know. */
  readonly onCredit?: (hasCredit: boolean) => void;
}

/** What became of a client's PUBREC, PUBREL answer or acknowledgement; `unknown`: no such packet identifier. */
export type AckOutcome = 'done' | 'unknown';

export abstract class Outbound implements Outlet {
  protected readonly link: ClientLink;
  protected readonly clock: Clock;
  protected readonly counters: Counters;
  protected window = new InFlightWindow(1);
  protected stopped = false;
  readonly #inFlightMax: number;
  readonly #outboxBytesHigh: number;
  readonly #quota: ClientQuota | undefined;
  readonly #onCredit: ((hasCredit: boolean) => void) | undefined;
  #hadCredit = true;
  #roomWaiter: (() => void) | undefined;

  constructor(options: OutboundOptions) {
    this.link = options.link;
    this.clock = options.clock;
    this.counters = options.counters;
    this.#inFlightMax = options.inFlightMax;
    this.#outboxBytesHigh = options.outboxBytesHigh;
    this.#quota = options.quota;
    options.quota?.follow(() => {
      this.onDrain();
    });
    this.#onCredit = options.onCredit;
  }

  abstract deliver(
    message: Message,
    qos: QoS,
    retain: boolean,
    subscriptionIds: readonly number[] | undefined,
  ): void;
  abstract appended(...args: Parameters<Outlet['appended']>): void;
  abstract reached(...args: Parameters<Outlet['reached']>): void;

  /** Sends from the queue while there is credit. */
  protected abstract pump(): void;

  /** The client acknowledged everything through `seq`. */
  protected abstract acknowledgedThrough(seq: Seq): void;

  /** A PUBREC must be on record before its PUBREL leaves. */
  protected abstract recordReceived(seq: Seq, packetId: number): void;

  /** Asked again after every await: the connection may be gone by then. */
  protected hasStopped(): boolean {
    return this.stopped;
  }

  get hasCredit(): boolean {
    return (
      !this.stopped &&
      this.window.inFlight < this.#inFlightMax &&
      !this.window.rangeFull &&
      this.link.outboxBytes < this.#outboxBytesHigh &&
      this.#quota?.holdsDelivery !== true
    );
  }

  /** Messages sent with QoS 1 or 2 that the client has not finished with. */
  get inFlight(): number {
    return this.window.inFlight;
  }

  onPuback(packetId: number): AckOutcome {
    return this.#finish(this.window.acknowledge(packetId));
  }

  onPubcomp(packetId: number): AckOutcome {
    return this.#finish(this.window.complete(packetId));
  }

  /** A PUBREC with a reason of 0x80 or more ends the exchange (MQTT 5.0, 4.3.3). */
  onPubrec(packetId: number, refused: boolean): AckOutcome {
    if (refused) return this.#finish(this.window.refused(packetId));
    const seq = this.window.received(packetId);
    if (seq === undefined) return 'unknown';
    this.recordReceived(seq as Seq, packetId);
    return 'done';
  }

  /** The socket, or the quota, has room again. */
  onDrain(): void {
    this.#goOn();
  }

  /** Resolves when there is credit, or the connection is gone. One waiter at a time. */
  room(): Promise<void> {
    if (this.hasCredit || this.stopped) return Promise.resolve();
    return new Promise((resolve) => (this.#roomWaiter = resolve));
  }

  stop(): void {
    this.stopped = true;
    this.#wakeWaiter();
  }

  protected sendQoS0(
    message: Message,
    retain: boolean,
    subscriptionIds: readonly number[] | undefined,
  ): void {
    if (this.link.outboxBytes >= this.#outboxBytesHigh) this.counters.drop('outboxFull');
    else if (this.#quota?.holdsDelivery === true) this.counters.drop('bytesOutQuota');
    else this.transmit({ message, qos: 0, retain, dup: false, packetId: 0, subscriptionIds });
    this.noteCredit();
  }

  /** false: nothing left the broker; the message is expired or too large for this client, and is counted. */
  protected transmit(delivery: Delivery): boolean {
    const nowMs = this.clock.nowMs();
    const { message, qos, dup } = delivery;
    // [MQTT-4.3.3-7] A QoS 2 message that may have been sent before does not expire any more.
    const mayExpire = qos !== 2 || !dup;
    if (mayExpire && message.expiresAtMs !== undefined && message.expiresAtMs <= nowMs) {
      this.counters.drop('expired');
      return false;
    }
    if (!this.link.sendPublish(delivery, nowMs)) {
      this.counters.drop('tooLarge');
      return false;
    }
    this.counters.messagesOut[qos]++;
    this.counters.payloadBytesOut[qos] += message.payload.length;
    if (dup) this.counters.redelivered[qos]++;
    this.#quota?.sent();
    return true;
  }

  /** After everything that takes credit or gives it. */
  protected noteCredit(): void {
    if (this.#onCredit === undefined || this.stopped) return;
    const { hasCredit } = this;
    if (hasCredit === this.#hadCredit) return;
    this.#hadCredit = hasCredit;
    this.#onCredit(hasCredit);
  }

  protected wakeWaiterIfRoom(): void {
    if (this.#roomWaiter !== undefined && this.hasCredit) this.#wakeWaiter();
  }

  #finish(seq: number | undefined): AckOutcome {
    if (seq === undefined) return 'unknown';
    this.acknowledgedThrough(this.window.ackedThrough as Seq);
    this.#goOn();
    return 'done';
  }

  #goOn(): void {
    this.pump();
    this.noteCredit();
    this.wakeWaiterIfRoom();
  }

  #wakeWaiter(): void {
    const waiter = this.#roomWaiter;
    this.#roomWaiter = undefined;
    waiter?.();
  }
}
