/**
 * One publishing connection of a run: sends what is due on its flows, in one write per turn, and never has more than a
 * stated number of messages unacknowledged (QoS 0: bytes unsent).
 */
import type { BenchClient } from './client.ts';
import type { PublishTemplate, Qos } from './wire.ts';

export interface Flow {
  readonly template: PublishTemplate;
  /** Messages sent so far: the next sequence. */
  sent: number;
}

export interface PublisherOptions {
  readonly run: number;
  readonly qos: Qos;
  readonly inFlightMax: number;
  /** Messages per millisecond; undefined: as fast as the broker acknowledges. */
  readonly ratePerMs: number | undefined;
  /** Monotonic milliseconds at which message 0 is due. */
  readonly startMs: number;
  /** Messages after which this publisher has sent enough. */
  readonly messagesMax: number;
}

/** Messages per write: bounds the largest buffer without making a system call for every message. */
const BATCH_MESSAGES_MAX = 64;
/** A QoS 0 publisher with this much unsent waits: nothing else tells it that the broker is behind. */
const UNSENT_BYTES_MAX = 256 * 1024;

export class Publisher {
  sent = 0;
  acknowledged = 0;

  readonly #client: BenchClient;
  readonly #flows: readonly Flow[];
  readonly #options: PublisherOptions;

  constructor(client: BenchClient, flows: readonly Flow[], options: PublisherOptions) {
    this.#client = client;
    this.#flows = flows;
    this.#options = options;
  }

  get inFlight(): number {
    return this.#options.qos === 0 ? 0 : this.sent - this.acknowledged;
  }

  /** Sends everything that is due at `nowMs` and that the window has room for. */
  pump(nowMs: number): void {
    const due = this.#dueCount(nowMs) - this.sent;
    let count = Math.min(
      due,
      this.#options.messagesMax - this.sent,
      this.#options.inFlightMax - this.inFlight,
    );
    while (count > 0 && this.#client.unsentBytes < UNSENT_BYTES_MAX) {
      const batch = Math.min(count, BATCH_MESSAGES_MAX);
      this.#sendBatch(batch, nowMs);
      count -= batch;
    }
  }

  #dueCount(nowMs: number): number {
    const { ratePerMs, startMs } = this.#options;
    if (ratePerMs === undefined) return Number.MAX_SAFE_INTEGER;
    return Math.max(0, Math.floor((nowMs - startMs) * ratePerMs) + 1);
  }

  #sendBatch(count: number, nowMs: number): void {
    const { ratePerMs, startMs, run, qos } = this.#options;
    const batch = this.#flowsOf(count);
    const bytes = Buffer.allocUnsafe(batch.reduce((sum, flow) => sum + flow.template.length, 0));
    let offset = 0;
    for (const flow of batch) {
      const dueMs = ratePerMs === undefined ? nowMs : startMs + this.sent / ratePerMs;
      const packetId = qos === 0 ? 0 : this.#client.nextPacketId();
      flow.template.write(bytes, offset, packetId, run, flow.sent, dueMs);
      offset += flow.template.length;
      flow.sent += 1;
      this.sent += 1;
    }
    this.#client.send(bytes);
  }

  /** The flows of the next `count` messages, round robin. */
  #flowsOf(count: number): Flow[] {
    const flows: Flow[] = [];
    for (let index = 0; index < count; index += 1) {
      const flow = this.#flows[(this.sent + index) % this.#flows.length];
      if (flow !== undefined) flows.push(flow);
    }
    return flows;
  }
}
