/** Between clients and judge: numbers what goes out, recognises what comes in, and tells how long it took. */
import type { FleetClient } from '../../src/fleet/fleet-client.ts';
import { decodeFleetMessage, encodeFleetMessage } from '../../src/fleet/fleet-message.ts';
import type { QoS } from '../../src/mqtt/qos.ts';
import type { Judge } from '../judge/judge.ts';
import type { Receiver } from '../judge/receiver.ts';
import type { Stream } from '../judge/stream.ts';

/** Times are those of `performance.now()`. */
export interface DeskListener {
  /** A broker has sent the client a message, or an answer to one. */
  onHeard(client: string, nowMs: number): void;
  onAcknowledged(publisher: string, sentMs: number, nowMs: number): void;
  /** For the first time. */
  onReceived(publisher: string, client: string, sentMs: number, nowMs: number): void;
}

export interface Arriving {
  readonly client: string;
  /** To whom it counts. */
  readonly receiver: Receiver;
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: QoS;
  readonly isRepeat: boolean;
  readonly from: string;
}

export class MessageDesk {
  readonly #run: string;
  readonly #judge: Judge;
  readonly #listener: DeskListener;
  #skipped = 0;
  #foreign = 0;

  constructor(run: string, judge: Judge, listener: DeskListener) {
    this.#run = run;
    this.#judge = judge;
    this.#listener = listener;
  }

  /** Not published because the client's backlog was full. */
  get skipped(): number {
    return this.#skipped;
  }

  /** Delivered, and of no stream. */
  get foreign(): number {
    return this.#foreign;
  }

  /** The next message of the stream, if the client takes it. */
  publish(client: FleetClient, stream: Stream, retain = false): void {
    const { topic, qos } = stream;
    if (!client.accepts(qos)) {
      this.#skipped++;
      return;
    }
    const sentMs = performance.now();
    const seq = this.#judge.publish(stream, sentMs);
    const payload = encodeFleetMessage({ run: this.#run, qos, seq, sentMs, live: client.online }, {});
    client.publish(
      topic,
      payload,
      qos,
      (outcome) => {
        const nowMs = performance.now();
        this.#listener.onHeard(client.clientId, nowMs);
        if (outcome === 'refused') {
          this.#judge.refused(stream, seq, nowMs);
          return;
        }
        this.#judge.acknowledged(stream, seq, nowMs);
        this.#listener.onAcknowledged(client.clientId, sentMs, nowMs);
      },
      retain,
    );
  }

  receive({ client, receiver, topic, payload, qos, isRepeat, from }: Arriving): void {
    const message = decodeFleetMessage(payload);
    const stream = message === undefined ? undefined : this.#judge.stream(topic, message.qos);
    if (message?.run !== this.#run || stream === undefined) {
      this.#foreign++;
      return;
    }
    const nowMs = performance.now();
    this.#listener.onHeard(client, nowMs);
    const { seq, sentMs } = message;
    const isFirst = this.#judge.arrived({ stream, receiver, seq, client, qos, isRepeat, from, nowMs });
    if (isFirst) this.#listener.onReceived(stream.publisher, client, sentMs, nowMs);
  }
}
