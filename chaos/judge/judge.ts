/**
 * Judges the brokers by what clients saw: publishes, acknowledgements and deliveries go in, broken promises come out. Pure: times
 * are passed in. What was promised to whom is said in `receiver.ts`, the promises in `violation.ts`.
 */
import { addedUp } from '../../src/fleet/counts.ts';
import type { QoS } from '../../src/mqtt/qos.ts';
import { MessageHistory } from './message-history.ts';
import type { Receiver } from './receiver.ts';
import { Stream, type StreamTotals } from './stream.ts';
import type { Violation, ViolationKind } from './violation.ts';

export interface Delivery {
  readonly stream: Stream;
  /** To whom it counts: the session, or its group. */
  readonly receiver: Receiver;
  readonly seq: number;
  /** The client that got it. */
  readonly client: string;
  readonly qos: QoS;
  readonly isRepeat: boolean;
  /** The broker, or the proxy in front, it came from. */
  readonly from: string;
  readonly nowMs: number;
}

export class Judge {
  readonly history = new MessageHistory();
  readonly #streams = new Map<string, Stream>();
  readonly #seen: Violation[] = [];
  readonly #counts = new Map<ViolationKind, number>();

  /** @throws RangeError when the stream is open already: two publishers would share its numbers. */
  open(publisher: string, topic: string, qos: QoS, receivers: readonly Receiver[]): Stream {
    const key = streamKey(topic, qos);
    if (this.#streams.has(key)) throw new RangeError(`${topic} with QoS ${qos} has a publisher already`);
    const stream = new Stream(publisher, topic, qos, receivers);
    this.#streams.set(key, stream);
    return stream;
  }

  stream(topic: string, qos: QoS): Stream | undefined {
    return this.#streams.get(streamKey(topic, qos));
  }

  publish(stream: Stream, nowMs: number): number {
    const seq = stream.publish(nowMs);
    this.history.note(stream, seq, { atMs: nowMs, type: 'published' });
    return seq;
  }

  acknowledged(stream: Stream, seq: number, nowMs: number): void {
    this.history.note(stream, seq, { atMs: nowMs, type: 'acknowledged' });
    stream.acknowledged(seq, nowMs);
  }

  refused(stream: Stream, seq: number, nowMs: number): void {
    this.history.note(stream, seq, { atMs: nowMs, type: 'refused' });
    stream.refused(seq);
  }

  /** Whether it is the first time that the receiver gets it. */
  arrived(delivery: Delivery): boolean {
    const { stream, receiver, seq, client, qos, isRepeat, from, nowMs } = delivery;
    this.history.note(stream, seq, { atMs: nowMs, type: 'delivered', client, isRepeat, from });
    const { isFirst, violation } = stream.arrived(receiver, seq);
    const about = { ...messageOf(stream, receiver, seq), atMs: nowMs };
    if (violation !== undefined) this.report({ kind: violation, ...about });
    if (qos !== Math.min(stream.qos, receiver.grantedQos))
      this.report({ kind: 'wrongQos', ...about, detail: `delivered with QoS ${qos}` });
    return isFirst;
  }

  subscribed(receiver: Receiver, nowMs: number): void {
    receiver.subscribed(nowMs);
    if (receiver.kind !== 'transient') return;
    for (const stream of this.#streams.values()) stream.begin(receiver);
  }

  /** The receiver's connection is lost. Nothing changes for sessions that outlive it. */
  left(receiver: Receiver): void {
    if (receiver.kind !== 'transient') return;
    receiver.left();
    for (const stream of this.#streams.values()) stream.forgive(receiver);
  }

  report(violation: Violation): void {
    this.#seen.push(violation);
    this.#counts.set(violation.kind, (this.#counts.get(violation.kind) ?? 0) + 1);
  }

  /** Deliveries that are owed of what was acknowledged before then, to receivers that `counts` says yes to. */
  owedSince(markMs: number, counts: (receiver: Receiver) => boolean = () => true): number {
    let sum = 0;
    for (const { deliveries } of this.#streams.values()) {
      for (const each of deliveries)
        if (each.owed > 0 && counts(each.receiver)) sum += each.owedSince(markMs);
    }
    return sum;
  }

  /** Publishes without an answer from before then, of publishers that `counts` says yes to. */
  unansweredSince(markMs: number, counts: (publisher: string) => boolean): number {
    let sum = 0;
    for (const stream of this.#streams.values())
      if (stream.unanswered > 0 && counts(stream.publisher)) sum += stream.unansweredSince(markMs);
    return sum;
  }

  /** Publishes without an answer. */
  get unanswered(): number {
    let sum = 0;
    for (const stream of this.#streams.values()) sum += stream.unanswered;
    return sum;
  }

  /** What was seen as it happened. */
  get seen(): readonly Violation[] {
    return this.#seen;
  }

  /** What is owed now; to be asked when everybody has had the time to connect and to drain. */
  lost(nowMs: number): readonly Violation[] {
    return [...this.#streams.values()].flatMap((stream) =>
      stream.deliveries.flatMap((deliveries) =>
        Array.from(deliveries.owedMessages(), (seq) => ({
          kind: 'lost' as const,
          atMs: nowMs,
          ...messageOf(stream, deliveries.receiver, seq),
        })),
      ),
    );
  }

  totals(qos: QoS): StreamTotals {
    return [...this.#streams.values()]
      .filter((stream) => stream.qos === qos)
      .map((stream) => stream.totals())
      .reduce(addedUp, NOTHING);
  }
}

function streamKey(topic: string, qos: QoS): string {
  return `${qos} ${topic}`;
}

function messageOf(
  { topic, qos, publisher }: Stream,
  receiver: Receiver,
  seq: number,
): Pick<Violation, 'topic' | 'qos' | 'publisher' | 'receiver' | 'seq'> {
  return { topic, qos, publisher, receiver: receiver.name, seq };
}

const NOTHING: StreamTotals = {
  published: 0,
  acknowledged: 0,
  refused: 0,
  unanswered: 0,
  delivered: 0,
  repeated: 0,
  forgiven: 0,
  owed: 0,
};
