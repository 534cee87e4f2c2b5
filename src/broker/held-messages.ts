/**
 * QoS 2 messages a persistent session published and has not released: its durable queue of kind `held`. PUBREC
 * means "held durably", PUBCOMP means "in every subscriber's queue and no longer held". A PUBREL that is
 * repeated after a crash appends nothing twice, because a release carries the position of the held message.
 */
import type { Counters } from '../metrics/counters.ts';
import { REASON, type ReasonCode } from '../mqtt/reason-code.ts';
import type { DurableQueueStore, QueueKey, Seq } from '../queue/durable-queue.ts';
import { detach, messageBytes, type Message, type QueuedMessage } from '../queue/message.ts';
import type { SessionId } from '../tenancy/identity.ts';
import type { AppendBatcher, AppendOrigin, AppendReceiver } from './append-batcher.ts';
import { StoreUnavailableError } from '../errors/store-unavailable-error.ts';
import { PublishTicket, type TicketOwner } from './publish-ticket.ts';

export interface HeldMessagesOptions {
  readonly queue: QueueKey;
  readonly sessionId: SessionId;
  readonly store: DurableQueueStore;
  readonly batcher: AppendBatcher;
  readonly counters: Counters;
  readonly publish: (message: Message, ticket: PublishTicket, origin: AppendOrigin) => void;
}

interface Held {
  readonly packetId: number;
  /** undefined until it is durable. */
  seq: Seq | undefined;
  /** undefined: read it from the store. */
  message: Message | undefined;
  releasing: boolean;
}

/** Bytes of held messages kept in memory per session; beyond that they are read back on release. */
const MEMORY_BYTES_MAX = 256 * 1024;
const READ_BATCH = { messagesMax: 256, bytesMax: 1024 * 1024 };

export class HeldMessages implements AppendReceiver {
  readonly counters: Counters;
  readonly #options: HeldMessagesOptions;
  /** In the order of their positions. */
  readonly #byPacketId = new Map<number, Held>();
  #memoryBytes = 0;
  /** The last release that had to be prepared: later ones must not overtake it. */
  #staging: Promise<void> | undefined;
  #released: Promise<unknown> = Promise.resolve();

  constructor(options: HeldMessagesOptions) {
    this.#options = options;
    this.counters = options.counters;
  }

  get size(): number {
    return this.#byPacketId.size;
  }

  has(packetId: number): boolean {
    return this.#byPacketId.has(packetId);
  }

  /** Whether the message of that identifier is held durably. */
  isDurable(packetId: number): boolean {
    return this.#byPacketId.get(packetId)?.seq !== undefined;
  }

  /** Reads what an earlier connection left behind. */
  async load(): Promise<void> {
    const { store, queue } = this.#options;
    for (let from = 1; ;) {
      const entries = await store.read(queue, from as Seq, READ_BATCH);
      for (const { seq, queued } of entries) {
        // The later copy of a packet identifier counts: see `#moveBehind`.
        this.#byPacketId.delete(queued.packetId);
        this.#byPacketId.set(queued.packetId, {
          packetId: queued.packetId,
          seq,
          message: undefined,
          releasing: false,
        });
        from = seq + 1;
      }
      if (entries.length === 0) return;
    }
  }

  /** Puts the message into the held queue; the ticket is settled when it is durable there. */
  hold(packetId: number, message: Message, ticket: PublishTicket): void {
    const keep = this.#memoryBytes + messageBytes(message) <= MEMORY_BYTES_MAX;
    const held: Held = {
      packetId,
      seq: undefined,
      message: keep ? detach(message) : undefined,
      releasing: false,
    };
    if (keep) this.#memoryBytes += messageBytes(message);
    this.#byPacketId.set(packetId, held);
    this.#append(held, message, ticket);
  }

  /** The store refused the message: its identifier is free again. */
  abandon(packetId: number): void {
    const held = this.#byPacketId.get(packetId);
    if (held !== undefined) this.#forget(held);
  }

  appended(seq: Seq, queued: QueuedMessage): void {
    const held = this.#byPacketId.get(queued.packetId);
    if (held !== undefined) held.seq = seq;
  }

  reached(): void {
    // An attempt whose answer was lost: the position is unknown, `release` looks it up.
  }

  /** Publishes a held message. Resolves with the reason for PUBCOMP once that may be sent. */
  async release(packetId: number, startedAtMs: number): Promise<ReasonCode> {
    const held = this.#byPacketId.get(packetId);
    if (held === undefined || held.releasing) return REASON.packetIdentifierNotFound;
    held.releasing = true;
    // A trim takes the prefix, so it also waits for every release before this one.
    const published = Promise.all([this.#released, this.#stage(held, startedAtMs)]);
    this.#released = published;
    await published;
    const seq = held.seq;
    this.#forget(held);
    // Before PUBCOMP the identifier must be off the record: the client may use it for a new message at once.
    if (seq !== undefined) await this.#options.store.trim([{ queue: this.#options.queue, through: seq }]);
    return REASON.success;
  }

  /** Hands the message to its subscribers' queues, by rising position; resolves when it is durable there. */
  async #stage(held: Held, startedAtMs: number): Promise<void> {
    const ready =
      this.#staging === undefined && held.message !== undefined && !this.#isBehindUnreleased(held);
    if (ready && held.seq !== undefined && held.message !== undefined) {
      await this.#publishDurably(held.message, held.seq, startedAtMs);
      return;
    }
    const before = this.#staging;
    const prepared = this.#prepare(held, before);
    const turn = prepared.then(ignore, ignore);
    this.#staging = turn;
    const message = await prepared;
    if (this.#staging === turn) this.#staging = undefined;
    if (message !== undefined && held.seq !== undefined) {
      await this.#publishDurably(message, held.seq, startedAtMs);
    }
  }

  /** Brings the held message to where it can be released next; undefined: it is gone, so it was released before. */
  async #prepare(held: Held, before: Promise<void> | undefined): Promise<Message | undefined> {
    await before;
    await this.#options.batcher.barrier();
    held.seq ??= await this.#findSeq(held.packetId);
    if (this.#isBehindUnreleased(held)) await this.#moveBehind(held);
    return held.message ?? (await this.#read(held.seq));
  }

  #publishDurably(message: Message, seq: Seq, startedAtMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const owner: TicketOwner = {
        publishSettled: (ticket) => {
          if (ticket.failed)
            reject(new StoreUnavailableError('durable queue', 'the release was not stored in time'));
          else resolve();
        },
      };
      const ticket = new PublishTicket(owner, 0, startedAtMs);
      this.#options.publish(message, ticket, {
        producer: `session/${this.#options.sessionId}`,
        sequence: seq,
      });
      ticket.settle();
    });
  }

  #isBehindUnreleased(held: Held): boolean {
    for (const other of this.#byPacketId.values()) {
      if (other === held) return false;
      if (!other.releasing) return true;
    }
    return false;
  }

  /**
   * The client releases out of order, as it may after a reconnect. Queues take a publisher's releases by rising
   * position, and a trim takes the whole prefix; so the messages before this one are first appended once more
   * behind it. Until the trim both copies are there, and `load` lets the later one count.
   */
  async #moveBehind(held: Held): Promise<void> {
    const { batcher } = this.#options;
    for (const other of [...this.#byPacketId.values()]) {
      if (other === held) break;
      if (other.releasing || other.seq === undefined) continue;
      const message = other.message ?? (await this.#read(other.seq));
      if (message === undefined) continue;
      this.#byPacketId.delete(other.packetId);
      this.#byPacketId.set(other.packetId, other);
      this.#append(other, message, undefined);
    }
    await batcher.barrier();
  }

  #append(held: Held, message: Message, ticket: PublishTicket | undefined): void {
    this.#options.batcher.append({
      queue: this.#options.queue,
      queued: {
        message,
        qos: 2,
        retain: message.retain,
        subscriptionIds: undefined,
        packetId: held.packetId,
      },
      receiver: this,
      ticket,
      origin: undefined,
    });
  }

  async #read(seq: Seq): Promise<Message | undefined> {
    const { store, queue } = this.#options;
    const [entry] = await store.read(queue, seq, { messagesMax: 1, bytesMax: 1 });
    return entry?.seq === seq ? entry.queued.message : undefined;
  }

  async #findSeq(packetId: number): Promise<Seq> {
    const { store, queue } = this.#options;
    let found = 0 as Seq;
    for (let from = 1 as Seq; ;) {
      const entries = await store.read(queue, from, READ_BATCH);
      for (const entry of entries) {
        if (entry.queued.packetId === packetId) found = entry.seq;
        from = (entry.seq + 1) as Seq;
      }
      if (entries.length === 0) return found;
    }
  }

  #forget(held: Held): void {
    if (held.message !== undefined) this.#memoryBytes -= messageBytes(held.message);
    if (this.#byPacketId.get(held.packetId) === held) this.#byPacketId.delete(held.packetId);
  }
}

function ignore(): void {
  // Whoever waits for the failed one is told there; the turn only has an order to keep.
}
