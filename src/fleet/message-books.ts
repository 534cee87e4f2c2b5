/**
 * Books every message of one run in the ledger: numbers it on its way out, recognises it on its way in, and
 * keeps the delays. The only place where message content and ledger meet.
 */
import type { QoS } from '../mqtt/qos.ts';
import { DelayHistogram } from './delay-histogram.ts';
import type { FleetClient } from './fleet-client.ts';
import { decodeFleetMessage, encodeFleetMessage } from './fleet-message.ts';
import { Ledger } from './ledger.ts';

export class MessageBooks {
  readonly ledger = new Ledger();
  /** From publish to first delivery, QoS 1 and 2: times without a connection on either side included. */
  readonly delays = new DelayHistogram();
  /** The same for messages whose publisher was connected then, and whose receiver was and stayed so. */
  readonly onlineDelays = new DelayHistogram();
  readonly #run: string;
  #published = 0;
  #acknowledged = 0;
  #delivered = 0;
  #skipped = 0;
  #foreign = 0;
  #misdelivered = 0;

  constructor(run: string) {
    this.#run = run;
  }

  /** Messages, all QoS. */
  get published(): number {
    return this.#published;
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** First deliveries. */
  get delivered(): number {
    return this.#delivered;
  }

  /** Not published because the client was offline (QoS 0) or its backlog full. */
  get skipped(): number {
    return this.#skipped;
  }

  /** Delivered, but not of this run. */
  get foreign(): number {
    return this.#foreign;
  }

  /** Delivered with another QoS than they were published with, although the subscription allows QoS 2. */
  get misdelivered(): number {
    return this.#misdelivered;
  }

  /** Publishes the next message of the stream, if `client` takes it now. */
  publish(client: FleetClient, topic: string, qos: QoS, content: Readonly<Record<string, unknown>>): void {
    const stream = this.ledger.stream(topic, qos);
    if (stream === undefined || !client.accepts(qos)) {
      this.#skipped++;
      return;
    }
    const seq = stream.publish();
    this.#published++;
    const payload = encodeFleetMessage(
      { run: this.#run, qos, seq, sentMs: performance.now(), live: client.online },
      content,
    );
    client.publish(topic, payload, qos, (outcome) => {
      if (outcome === 'refused') stream.refused(seq);
      else {
        this.#acknowledged++;
        stream.acknowledged(seq);
      }
    });
  }

  receive(client: FleetClient, topic: string, payload: Buffer, deliveredQos: QoS): void {
    const message = decodeFleetMessage(payload);
    const stream = message === undefined ? undefined : this.ledger.stream(topic, message.qos);
    if (message?.run !== this.#run || stream === undefined) {
      this.#foreign++;
      return;
    }
    if (deliveredQos !== message.qos) this.#misdelivered++;
    if (!stream.delivered(client.clientId, message.seq)) return;
    this.#delivered++;
    if (message.qos === 0) return;
    const delayMs = performance.now() - message.sentMs;
    this.delays.add(delayMs);
    if (message.live && client.online && client.onlineSinceMs <= message.sentMs)
      this.onlineDelays.add(delayMs);
  }
}
