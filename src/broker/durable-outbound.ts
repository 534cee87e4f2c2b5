/**
 * The way from a durable queue to its connected client. A message that was just appended is sent from memory
 * when it is the next one; everything else is read from the store, as much as the client has credit for.
 * A position is given up only when the client has acknowledged it.
 */
import { InFlightWindow, packetIdOf, WINDOW_RANGE_MAX } from '../mqtt/in-flight-window.ts';
import type { QoS } from '../mqtt/qos.ts';
import { REASON } from '../mqtt/reason-code.ts';
import type { DurableQueueStore, QueueBounds, QueueEntry, QueueKey, Seq } from '../queue/durable-queue.ts';
import type { Message, QueuedMessage } from '../queue/message.ts';
import { Outbound, type OutboundOptions } from './outbound.ts';
import type { MarkBatcher } from './mark-batcher.ts';
import type { TrimBatcher } from './trim-batcher.ts';

export interface DurableOutboundOptions extends OutboundOptions {
  readonly queue: QueueKey;
  readonly store: DurableQueueStore;
  readonly trims: TrimBatcher;
  readonly marks: MarkBatcher;
  /** The highest position sent on earlier connections, 0: none; undefined: not known, a broker died. */
  readonly sentBefore: Seq | undefined;
  /** Whether the client may have messages of this topic that waited for it. Default: all. */
  readonly mayReceive?: (topic: string) => boolean;
  /** The queue cannot be read: the client must come back later. */
  readonly onStoreFailure: (error: unknown) => void;
}

/** One read from the store. The client's credit bounds it further. */
const READ_MESSAGES_MAX = 256;
const READ_BYTES_MAX = 256 * 1024;

export class DurableOutbound extends Outbound {
  readonly #options: DurableOutboundOptions;
  /** The next position to send. */
  #next = 1;
  /** The last position known to be in the queue. */
  #tail = 0;
  #trimmedThrough = 0;
  /** Positions up to here may have been sent on an earlier connection and so carry DUP [MQTT-3.3.1-1]. */
  #dupThrough = 0;
  #reading = false;
  #started = false;

  constructor(options: DurableOutboundOptions) {
    super(options);
    this.#options = options;
  }

  /** The highest position sent to the client, now or on an earlier connection; 0: none; undefined: not known. */
  get sentThrough(): Seq | undefined {
    // A connection that ended before it began to deliver knows no more than what it was told.
    return this.#started ? (Math.max(this.#next - 1, this.#dupThrough) as Seq) : this.#options.sentBefore;
  }

  /** Begins with the oldest message in the queue. */
  start(bounds: QueueBounds): void {
    this.#next = bounds.min;
    this.#tail = Math.max(this.#tail, bounds.next - 1);
    this.#trimmedThrough = bounds.min - 1;
    // Not known: anything within reach of one window may have been sent, finished positions in between included.
    this.#dupThrough =
      this.#options.sentBefore ?? Math.min(bounds.next - 1, bounds.min + WINDOW_RANGE_MAX - 1);
    this.window = new InFlightWindow(bounds.min);
    this.#started = true;
    this.pump();
  }

  override deliver(
    message: Message,
    qos: QoS,
    retain: boolean,
    subscriptionIds: readonly number[] | undefined,
  ): void {
    if (qos !== 0) throw new Error('durable-outbound: QoS 1 and 2 come through the durable queue');
    this.sendQoS0(message, retain, subscriptionIds);
  }

  override appended(seq: Seq, queued: QueuedMessage): void {
    if (seq === this.#next && this.#started && !this.#reading && this.hasCredit) {
      this.#tail = Math.max(this.#tail, seq);
      this.#send({ seq, marked: false, queued });
      return;
    }
    this.reached(seq);
  }

  override reached(seq: Seq): void {
    if (seq > this.#tail) this.#tail = seq;
    this.pump();
  }

  /** Somebody who would have told that the queue reaches further may not have come to it. */
  async lookAgain(): Promise<void> {
    const { store, queue, onStoreFailure } = this.#options;
    if (this.stopped || !this.#started) return;
    try {
      const { next } = await store.bounds(queue);
      if (!this.hasStopped()) this.reached((next - 1) as Seq);
    } catch (error) {
      // Its client comes back, and begins with the bounds of the queue.
      if (!this.hasStopped()) onStoreFailure(error);
    }
  }

  protected override pump(): void {
    if (this.#reading || !this.#started || this.#next > this.#tail || !this.hasCredit) return;
    this.#reading = true;
    void this.#readBacklog();
  }

  protected override acknowledgedThrough(seq: Seq): void {
    if (seq <= this.#trimmedThrough) return;
    this.#trimmedThrough = seq;
    this.#options.trims.trim(this.#options.queue, seq);
  }

  protected override recordReceived(seq: Seq, packetId: number): void {
    this.#options.marks.mark(this.#options.queue, seq, (error) => {
      if (this.stopped) return;
      if (error !== undefined) {
        this.#options.onStoreFailure(error);
        return;
      }
      // Durable here: the mark that says the client has this message. PUBREL lets the client forget the
      // identifier, so from now on it must never see the PUBLISH again.
      if (this.window.released(packetId) !== undefined) this.link.sendAck('pubrel', packetId, REASON.success);
    });
  }

  async #readBacklog(): Promise<void> {
    const { store, queue, onStoreFailure } = this.#options;
    try {
      while (this.#next <= this.#tail && this.hasCredit) {
        const tail = this.#tail;
        const entries = await store.read(queue, this.#next as Seq, {
          messagesMax: READ_MESSAGES_MAX,
          bytesMax: READ_BYTES_MAX,
        });
        if (this.hasStopped()) return;
        // Nothing from here to the tail: it expired or was evicted meanwhile.
        if (entries.length === 0 && !this.#passOver(tail)) return;
        if (!this.#sendAll(entries)) return;
      }
    } catch (error) {
      if (!this.hasStopped()) onStoreFailure(error);
      return;
    } finally {
      this.#reading = false;
    }
    this.pump();
    this.wakeWaiterIfRoom();
  }

  /** Sends what there is credit for. false: the window cannot reach the next one before more is acknowledged. */
  #sendAll(entries: readonly QueueEntry[]): boolean {
    for (const entry of entries) {
      if (!this.window.fits(entry.seq)) return false;
      if (!this.hasCredit) return true;
      if (this.#isWithheld(entry)) this.#withhold(entry.seq);
      else this.#send(entry);
    }
    return true;
  }

  /** The rules of its user were changed since it came to the queue. What may have been sent already tells nothing new. */
  #isWithheld({ seq, marked, queued }: QueueEntry): boolean {
    if (marked || seq <= this.#dupThrough) return false;
    return this.#options.mayReceive?.(queued.message.topic) === false;
  }

  #withhold(seq: Seq): void {
    this.counters.drop('notAuthorized');
    this.#next = seq + 1;
    this.#skip(seq);
    this.noteCredit();
  }

  #skip(seq: Seq): void {
    this.window.skip(seq);
    this.acknowledgedThrough(this.window.ackedThrough as Seq);
  }

  /** Everything through `seq` is gone. false: the window cannot reach that far before more is acknowledged. */
  #passOver(seq: number): boolean {
    if (!this.window.fits(seq)) return false;
    this.#next = seq + 1;
    this.window.skip(seq);
    return true;
  }

  #send(entry: QueueEntry): void {
    const { seq, queued } = entry;
    const packetId = packetIdOf(seq);
    this.#next = seq + 1;
    if (entry.marked) {
      // The client confirmed this one with PUBREC before: only the rest of the handshake is left.
      this.window.resumed(seq);
      this.noteCredit();
      this.link.sendAck('pubrel', packetId, REASON.success);
      return;
    }
    const sent = this.transmit({
      message: queued.message,
      qos: queued.qos,
      retain: queued.retain,
      dup: seq <= this.#dupThrough,
      packetId,
      subscriptionIds: queued.subscriptionIds,
      seq,
    });
    if (sent && queued.qos !== 0) this.window.sent(seq, queued.qos);
    else this.#skip(seq);
    this.noteCredit();
  }
}
