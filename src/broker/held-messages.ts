/**
 * QoS 2 messages a persistent session published and has not released: its durable queue of kind `held`. PUBREC
 * means "held durably", PUBCOMP means "in every subscriber's queue and no longer held". A PUBREL that is
 * repeated after a crash appends nothing twice, because a release carries the position of the held message.
 */
import type { Counters } from '../metrics/counters.ts';
import { REASON, type ReasonCode } from '../mqtt/reason-code.ts';
import type { DurableQueueStore, QueueKey, Seq, TotalBound } from '../queue/durable-queue.ts';
import { detach, messageBytes, type Message } from '../queue/message.ts';
import type { PublishOrigin } from '../routing/subscriber.ts';
import type { SessionId } from '../tenancy/identity.ts';
import type { AppendReceiver } from './append-batch.ts';
import type { AppendBatcher } from './append-batcher.ts';
import { StoreUnavailableError } from '../errors/store-unavailable-error.ts';
import { PublishTicket, type TicketOwner } from './publish-ticket.ts';

export interface HeldMessagesOptions {
  readonly queue: QueueKey;
  readonly sessionId: SessionId;
  readonly store: DurableQueueStore;
  readonly batcher: AppendBatcher;
  readonly counters: Counters;
  /** The message cannot be held. */
  readonly onQueueFull: (tenantFull: TotalBound | undefined) => void;
  /** See `Publishing.chooseMembers`. */
  readonly chooseMembers: (topic: string) => readonly number[] | undefined;
  readonly publish: (
    message: Message,
    ticket: PublishTicket,
    origin: PublishOrigin,
    chosen: readonly number[] | undefined,
  ) => void;
}

class Held implements AppendReceiver {
  readonly counters: Counters;
  readonly packetId: number;
  /** Members of shared groups that are to get it; on record with it. */
  readonly chosen: readonly number[] | undefined;
  /** undefined: not durable yet, or durable at a position that has to be looked up, see `reached`. */
  seq: Seq | undefined = undefined;
  /** undefined: read it from the store. */
  message: Message | undefined;
  isDurable = false;
  /** The client asked for its release. */
  releasing = false;
  /** Handed to its subscribers' queues: what follows may go there too. */
  staged = false;
  /** undefined: it has been held before. */
  onQueueFull: HeldMessagesOptions['onQueueFull'] | undefined;

  constructor(
    counters: Counters,
    packetId: number,
    message: Message | undefined,
    chosen: readonly number[] | undefined,
  ) {
    this.counters = counters;
    this.packetId = packetId;
    this.message = message;
    this.chosen = chosen;
  }

  appended(seq: Seq): void {
    this.seq = seq;
    this.isDurable = true;
  }

  queueFull(tenantFull: TotalBound | undefined): void {
    this.onQueueFull?.(tenantFull);
  }

  /** An attempt whose answer was lost had stored it; `seq` is not its own. */
  reached(): void {
    this.seq = undefined;
    this.isDurable = true;
  }
}

/** Bytes of held messages kept in memory per session; beyond that they are read back on release. */
const MEMORY_BYTES_MAX = 256 * 1024;
const READ_BATCH = { messagesMax: 256, bytesMax: 1024 * 1024 };

export class HeldMessages {
  readonly #options: HeldMessagesOptions;
  /** In the order of their positions. */
  readonly #byPacketId = new Map<number, Held>();
  #memoryBytes = 0;
  /** The last release that had to be prepared: later ones must not overtake it. */
  #staging: Promise<void> | undefined;
  #released: Promise<unknown> = Promise.resolve();
  /** A release failed and the connection ends: none that waited may go on where the failed one left a gap. */
  #failed = false;
  /** Releases under way. */
  #underWay = 0;
  #onIdle: (() => void) | undefined;

  constructor(options: HeldMessagesOptions) {
    this.#options = options;
  }

  get queue(): QueueKey {
    return this.#options.queue;
  }

  get size(): number {
    return this.#byPacketId.size;
  }

  has(packetId: number): boolean {
    return this.#byPacketId.has(packetId);
  }

  /** Whether the message of that identifier is held durably. */
  isDurable(packetId: number): boolean {
    return this.#byPacketId.get(packetId)?.isDurable === true;
  }

  /**
   * Resolves when no release is under way; undefined: none is. The connection may be gone by then, and the next one
   * of the session must not read the queue before, because a release may move messages in it.
   */
  idle(): Promise<void> | undefined {
    return this.#underWay === 0 ? undefined : new Promise((resolve) => (this.#onIdle = resolve));
  }

  /** Reads what an earlier connection left behind. */
  async load(): Promise<void> {
    const { store, queue } = this.#options;
    for (let from = 1; ;) {
      const entries = await store.read(queue, from as Seq, READ_BATCH);
      for (const { seq, queued } of entries) {
        // The later copy of a packet identifier counts: see `#moveBehind`.
        this.#byPacketId.delete(queued.packetId);
        const held = new Held(this.#options.counters, queued.packetId, undefined, queued.subscriptionIds);
        held.appended(seq);
        this.#byPacketId.set(queued.packetId, held);
        from = seq + 1;
      }
      if (entries.length === 0) return;
    }
  }

  /** Puts the message into the held queue; the ticket is settled when it is durable there. */
  hold(packetId: number, message: Message, ticket: PublishTicket): void {
    const keep = this.#memoryBytes + messageBytes(message) <= MEMORY_BYTES_MAX;
    const { counters, chooseMembers, onQueueFull } = this.#options;
    const held = new Held(
      counters,
      packetId,
      keep ? detach(message) : undefined,
      chooseMembers(message.topic),
    );
    held.onQueueFull = onQueueFull;
    if (keep) this.#memoryBytes += messageBytes(message);
    this.#byPacketId.set(packetId, held);
    this.#append(packetId, message, held, ticket);
  }

  /** The store refused the message: its identifier is free again. */
  abandon(packetId: number): void {
    const held = this.#byPacketId.get(packetId);
    if (held !== undefined) this.#forget(held);
  }

  /** Publishes a held message. Resolves with the reason for PUBCOMP once that may be sent. */
  async release(packetId: number, startedAtMs: number): Promise<ReasonCode> {
    const held = this.#byPacketId.get(packetId);
    if (held === undefined || held.releasing) return REASON.packetIdentifierNotFound;
    held.releasing = true;
    this.#underWay++;
    try {
      await this.#publishAndTrim(held, startedAtMs);
    } finally {
      this.#underWay--;
      if (this.#underWay === 0) this.#onIdle?.();
    }
    return REASON.success;
  }

  async #publishAndTrim(held: Held, startedAtMs: number): Promise<void> {
    // A trim takes the prefix, so it also waits for every release before this one.
    const published = Promise.all([this.#released, this.#stage(held, startedAtMs)]);
    this.#released = published;
    await published;
    const seq = held.seq;
    this.#forget(held);
    // Before PUBCOMP the identifier must be off the record: the client may use it for a new message at once.
    if (seq !== undefined) await this.#options.store.trim([{ queue: this.#options.queue, through: seq }]);
  }

  /** Hands the message to its subscribers' queues, by rising position; resolves when it is durable there. */
  async #stage(held: Held, startedAtMs: number): Promise<void> {
    const ready =
      this.#staging === undefined && held.message !== undefined && !this.#isBehindUnreleased(held);
    if (ready && held.seq !== undefined && held.message !== undefined) {
      held.staged = true;
      await this.#publishDurably(held.message, held.seq, held.chosen, startedAtMs);
      return;
    }
    const before = this.#staging;
    const prepared = this.#prepare(held, before);
    const turn = prepared.then(ignore, () => {
      this.#failed = true;
    });
    this.#staging = turn;
    const message = await prepared;
    if (this.#staging === turn) this.#staging = undefined;
    held.staged = true;
    if (message !== undefined && held.seq !== undefined) {
      await this.#publishDurably(message, held.seq, held.chosen, startedAtMs);
    }
  }

  /** Brings the held message to where it can be released next; undefined: it is gone, so it was released before. */
  async #prepare(held: Held, before: Promise<void> | undefined): Promise<Message | undefined> {
    await before;
    await this.#options.batcher.barrier(this.#options.queue);
    if (this.#failed) throw new StoreUnavailableError('durable queue', 'a release before this one failed');
    held.seq ??= await this.#findSeq(held.packetId);
    if (this.#isBehindUnreleased(held)) await this.#moveBehind(held);
    return held.message ?? (await this.#read(held.seq));
  }

  #publishDurably(
    message: Message,
    seq: Seq,
    chosen: readonly number[] | undefined,
    startedAtMs: number,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const owner: TicketOwner = {
        publishSettled: (ticket) => {
          if (!ticket.failed) resolve();
          else {
            this.#failed = true;
            reject(new StoreUnavailableError('durable queue', 'the release was not stored in time'));
          }
        },
      };
      const ticket = new PublishTicket(owner, 0, startedAtMs);
      const origin = { producer: `session/${this.#options.sessionId}`, sequence: seq };
      this.#options.publish(message, ticket, origin, chosen);
      ticket.settle();
    });
  }

  #isBehindUnreleased(held: Held): boolean {
    for (const other of this.#byPacketId.values()) {
      if (other === held) return false;
      if (!other.staged) return true;
    }
    return false;
  }

  /**
   * The client releases out of order, as it may after a reconnect. Queues take a publisher's releases by rising
   * position, and a trim takes the whole prefix; so the messages before this one are first appended once more
   * behind it. Until the trim both copies are there, and `load` lets the later one count.
   */
  async #moveBehind(held: Held): Promise<void> {
    const { batcher, counters, queue } = this.#options;
    const moves: { readonly other: Held; readonly copy: Held }[] = [];
    for (const other of [...this.#byPacketId.values()]) {
      if (other === held) break;
      if (other.staged || !other.isDurable) continue;
      other.seq ??= await this.#findSeq(other.packetId);
      const message = other.message ?? (await this.#read(other.seq));
      if (message === undefined) continue;
      this.#byPacketId.delete(other.packetId);
      this.#byPacketId.set(other.packetId, other);
      const copy = new Held(counters, other.packetId, undefined, other.chosen);
      this.#append(other.packetId, message, copy, undefined);
      moves.push({ other, copy });
    }
    await batcher.barrier(queue);
    for (const { other, copy } of moves) {
      // Without its copy the message would go with the trim.
      if (!copy.isDurable) throw new StoreUnavailableError('durable queue', 'a held message was not moved');
      other.seq = copy.seq;
    }
  }

  #append(packetId: number, message: Message, receiver: Held, ticket: PublishTicket | undefined): void {
    this.#options.batcher.append({
      queue: this.#options.queue,
      queued: {
        message,
        qos: 2,
        retain: message.retain,
        subscriptionIds: receiver.chosen,
        packetId,
      },
      receiver,
      ticket,
      origin: undefined,
      // Without a publisher that waits it is a copy of what is held already.
      owed: ticket === undefined,
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
  // The message goes to whoever asked for its release; the turn only has an order to keep.
}
