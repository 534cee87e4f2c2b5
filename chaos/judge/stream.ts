/** What one publisher sends to one topic with one QoS, numbered 1, 2, 3 …, and to whom it is owed. */
import type { QoS } from '../../src/mqtt/qos.ts';
import { Deliveries } from './deliveries.ts';
import type { Receiver } from './receiver.ts';
import type { ViolationKind } from './violation.ts';

export interface StreamTotals {
  readonly published: number;
  readonly acknowledged: number;
  readonly refused: number;
  readonly unanswered: number;
  /** First deliveries. */
  readonly delivered: number;
  readonly repeated: number;
  readonly forgiven: number;
  readonly owed: number;
}

export interface Arrival {
  readonly isFirst: boolean;
  readonly violation: Extract<ViolationKind, 'duplicated' | 'reordered' | 'phantom'> | undefined;
}

export class Stream {
  readonly publisher: string;
  readonly topic: string;
  readonly qos: QoS;
  readonly deliveries: readonly Deliveries[];
  readonly #byReceiver: ReadonlyMap<Receiver, Deliveries>;
  /** When messages without an answer were given to the client. */
  readonly #sentAtMs = new Map<number, number>();
  #published = 0;
  #acknowledged = 0;
  #refused = 0;
  #newestAcknowledged = 0;

  constructor(publisher: string, topic: string, qos: QoS, receivers: readonly Receiver[]) {
    this.publisher = publisher;
    this.topic = topic;
    this.qos = qos;
    this.#byReceiver = new Map(receivers.map((receiver) => [receiver, new Deliveries(receiver, qos)]));
    this.deliveries = [...this.#byReceiver.values()];
  }

  get published(): number {
    return this.#published;
  }

  /** The latest message that was acknowledged; 0: none was. */
  get newestAcknowledged(): number {
    return this.#newestAcknowledged;
  }

  get unanswered(): number {
    return this.#sentAtMs.size;
  }

  /** How many messages have no answer that were published before then. */
  unansweredSince(markMs: number): number {
    let count = 0;
    for (const sentAtMs of this.#sentAtMs.values()) if (sentAtMs < markMs) count++;
    return count;
  }

  /** The number the next message must carry; called right before it is handed to the client. */
  publish(nowMs: number): number {
    this.#sentAtMs.set(++this.#published, nowMs);
    return this.#published;
  }

  acknowledged(seq: number, nowMs: number): void {
    const sentAtMs = this.#sentAtMs.get(seq);
    if (sentAtMs === undefined) return;
    this.#sentAtMs.delete(seq);
    this.#acknowledged++;
    this.#newestAcknowledged = Math.max(this.#newestAcknowledged, seq);
    for (const deliveries of this.deliveries) deliveries.acknowledged(seq, sentAtMs, nowMs);
  }

  /** It may arrive all the same. */
  refused(seq: number): void {
    if (this.#sentAtMs.delete(seq)) this.#refused++;
  }

  /** @throws RangeError for somebody who is no receiver of the stream. */
  arrived(receiver: Receiver, seq: number): Arrival {
    const deliveries = this.#byReceiver.get(receiver);
    if (deliveries === undefined) throw new RangeError(`${receiver.name} does not receive ${this.topic}`);
    if (seq < 1 || seq > this.#published) return { isFirst: false, violation: 'phantom' };
    const { isFirst, finding } = deliveries.arrived(seq);
    return { isFirst, violation: finding };
  }

  /** SUBACK came to the receiver, whose session begins with its connection. */
  begin(receiver: Receiver): void {
    this.#byReceiver.get(receiver)?.begin(this.#published);
  }

  forgive(receiver: Receiver): void {
    this.#byReceiver.get(receiver)?.forgive();
  }

  totals(): StreamTotals {
    const sum = (count: (deliveries: Deliveries) => number) =>
      this.deliveries.reduce((total, deliveries) => total + count(deliveries), 0);
    return {
      published: this.#published,
      acknowledged: this.#acknowledged,
      refused: this.#refused,
      unanswered: this.unanswered,
      delivered: sum(({ delivered }) => delivered),
      repeated: sum(({ repeats }) => repeats),
      forgiven: sum(({ forgiven }) => forgiven),
      owed: sum(({ owed }) => owed),
    };
  }
}
