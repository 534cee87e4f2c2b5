/**
 * Judges a broker by what its clients saw: every publish, every acknowledgement, every delivery goes in, and
 * what was lost, duplicated or reordered comes out. Pure: no clock, no client, no file. Memory grows with the
 * number of topics and gaps, not with the number of messages.
 *
 * A *stream* is what one publisher sends to one topic with one QoS, numbered 1, 2, 3 … Its subscribers are
 * named when it is opened, after their subscriptions were acknowledged: each of them is owed every message.
 *
 * - *lost*: QoS 1 or 2, acknowledged to the publisher, not delivered to a subscriber of the stream.
 * - *duplicated*: delivered again to the same subscriber. Legal for QoS 1, a failure for QoS 0 and QoS 2.
 * - *reordered*: delivered to a subscriber for the first time after a later message of the same stream had
 *   been. Repeats never count: QoS 1 may send a message again at any time.
 * - *phantom*: delivered but never published.
 */
import { addedUp } from './counts.ts';
import type { QoS } from '../mqtt/qos.ts';
import { SeqSet } from './seq-set.ts';

export type ViolationKind = 'lost' | 'duplicated' | 'reordered' | 'phantom';

/** One broken promise, named so that it can be looked up in a packet trace. */
export interface Violation {
  readonly kind: ViolationKind;
  readonly topic: string;
  readonly qos: QoS;
  readonly subscriber: string;
  readonly seq: number;
}

/** Sums over all streams of one QoS. Deliveries count per subscriber, everything else per message. */
export interface LedgerTotals {
  readonly published: number;
  /** PUBACK or PUBCOMP with a reason code below 0x80. Always 0 for QoS 0. */
  readonly acknowledged: number;
  /** The broker, or the client library before sending, said no. */
  readonly refused: number;
  /** Neither acknowledged nor refused, QoS 1 and 2 only. */
  readonly unanswered: number;
  /** First deliveries. */
  readonly delivered: number;
  readonly unacknowledgedDelivered: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly reordered: number;
  readonly phantom: number;
}

const EXAMPLES_MAX = 20;

export class Ledger {
  readonly #streams = new Map<string, Stream>();
  readonly #examples: Violation[] = [];
  #owed = 0;

  /** @throws RangeError when the stream is open already: two publishers would share its numbers. */
  open(topic: string, qos: QoS, subscribers: readonly string[]): Stream {
    const key = `${qos} ${topic}`;
    if (this.#streams.has(key)) throw new RangeError(`stream ${topic} with QoS ${qos} is open already`);
    const stream = new Stream(topic, qos, subscribers, {
      owe: (change) => (this.#owed += change),
      report: (violation) => {
        this.#keepExample(violation);
      },
    });
    this.#streams.set(key, stream);
    return stream;
  }

  /** Undefined: nobody publishes there. */
  stream(topic: string, qos: QoS): Stream | undefined {
    return this.#streams.get(`${qos} ${topic}`);
  }

  /** Deliveries of acknowledged messages that have not happened yet: zero when everything has arrived. */
  get owed(): number {
    return this.#owed;
  }

  totals(qos: QoS): LedgerTotals {
    let sum = NOTHING;
    for (const stream of this.#streams.values()) {
      if (stream.qos === qos) sum = addedUp(sum, stream.totals());
    }
    return sum;
  }

  /** QoS 1 and 2 publishes without an answer: at the end of a run the broker owes these publishers one. */
  get unanswered(): number {
    return this.totals(1).unanswered + this.totals(2).unanswered;
  }

  /** Whether every promise was kept; to be asked after everybody had the time to reconnect and drain. */
  get clean(): boolean {
    return ([0, 1, 2] as const).every((qos) => {
      const { lost, duplicated, reordered, phantom } = this.totals(qos);
      return lost === 0 && reordered === 0 && phantom === 0 && (qos === 1 || duplicated === 0);
    });
  }

  /** Some broken promises (at most 20 that were seen as they happened, and 20 that are lost by now), as leads. */
  violations(): readonly Violation[] {
    const lost: Violation[] = [];
    for (const stream of this.#streams.values()) {
      for (const violation of stream.lost()) {
        if (lost.length === EXAMPLES_MAX) return [...lost, ...this.#examples];
        lost.push(violation);
      }
    }
    return [...lost, ...this.#examples];
  }

  #keepExample(violation: Violation): void {
    const legal = violation.kind === 'duplicated' && violation.qos === 1;
    if (!legal && this.#examples.length < EXAMPLES_MAX) this.#examples.push(violation);
  }
}

interface StreamWatch {
  owe(change: number): void;
  report(violation: Violation): void;
}

export class Stream {
  readonly topic: string;
  readonly qos: QoS;
  readonly #watch: StreamWatch;
  readonly #acknowledged = new SeqSet();
  readonly #refused = new SeqSet();
  readonly #subscribers: ReadonlyMap<string, Deliveries>;
  #published = 0;

  /** Opened by the ledger. */
  constructor(topic: string, qos: QoS, subscribers: readonly string[], watch: StreamWatch) {
    this.topic = topic;
    this.qos = qos;
    this.#watch = watch;
    this.#subscribers = new Map(subscribers.map((name) => [name, new Deliveries()]));
  }

  /** The number the next message must carry. Call it right before handing that message to the client. */
  publish(): number {
    return ++this.#published;
  }

  acknowledged(seq: number): void {
    if (this.qos === 0 || !this.#acknowledged.add(seq)) return;
    for (const deliveries of this.#subscribers.values()) {
      if (!deliveries.seen.has(seq)) this.#owe(deliveries, 1);
    }
  }

  /** The publish was answered with an error, or never left the client. It may arrive all the same. */
  refused(seq: number): void {
    this.#refused.add(seq);
  }

  /**
   * Returns whether this was the first time `subscriber` got it.
   * @throws RangeError for a subscriber that was not named when the stream was opened.
   */
  delivered(subscriber: string, seq: number): boolean {
    const deliveries = this.#subscribers.get(subscriber);
    if (deliveries === undefined) throw new RangeError(`${subscriber} is no subscriber of ${this.topic}`);
    const broken = this.#judge(deliveries, seq);
    if (broken !== undefined) {
      this.#watch.report({ kind: broken, topic: this.topic, qos: this.qos, subscriber, seq });
    }
    return broken === undefined || broken === 'reordered';
  }

  #judge(deliveries: Deliveries, seq: number): ViolationKind | undefined {
    if (seq < 1 || seq > this.#published) {
      deliveries.phantoms++;
      return 'phantom';
    }
    if (!deliveries.seen.add(seq)) {
      deliveries.duplicates++;
      return 'duplicated';
    }
    if (this.#acknowledged.has(seq)) this.#owe(deliveries, -1);
    if (seq < deliveries.newest) {
      deliveries.reordered++;
      return 'reordered';
    }
    deliveries.newest = seq;
    return undefined;
  }

  #owe(deliveries: Deliveries, change: 1 | -1): void {
    deliveries.owed += change;
    this.#watch.owe(change);
  }

  *lost(): Generator<Violation, void, void> {
    for (const [subscriber, deliveries] of this.#subscribers) {
      for (const seq of this.#acknowledged.without(deliveries.seen)) {
        yield { kind: 'lost', topic: this.topic, qos: this.qos, subscriber, seq };
      }
    }
  }

  totals(): LedgerTotals {
    let sum: LedgerTotals = {
      ...NOTHING,
      published: this.#published,
      acknowledged: this.#acknowledged.size,
      refused: this.#refused.size,
      unanswered: this.qos === 0 ? 0 : this.#published - this.#acknowledged.size - this.#refused.size,
    };
    for (const deliveries of this.#subscribers.values()) sum = addedUp(sum, this.#deliveryTotals(deliveries));
    return sum;
  }

  #deliveryTotals(deliveries: Deliveries): LedgerTotals {
    const acknowledgedDelivered = this.#acknowledged.size - deliveries.owed;
    return {
      ...NOTHING,
      delivered: deliveries.seen.size,
      unacknowledgedDelivered: this.qos === 0 ? 0 : deliveries.seen.size - acknowledgedDelivered,
      lost: deliveries.owed,
      duplicated: deliveries.duplicates,
      reordered: deliveries.reordered,
      phantom: deliveries.phantoms,
    };
  }
}

class Deliveries {
  readonly seen = new SeqSet();
  /** Acknowledged to the publisher, not yet delivered here. */
  owed = 0;
  newest = 0;
  duplicates = 0;
  reordered = 0;
  phantoms = 0;
}

const NOTHING: LedgerTotals = {
  published: 0,
  acknowledged: 0,
  refused: 0,
  unanswered: 0,
  delivered: 0,
  unacknowledgedDelivered: 0,
  lost: 0,
  duplicated: 0,
  reordered: 0,
  phantom: 0,
};
