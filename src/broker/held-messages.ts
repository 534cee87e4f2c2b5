/**
 * QoS 2 messages a persistent session published and has not released: its durable queue of kind `held`. PUBREC
 * means "held durably", PUBCOMP means "in every subscriber's queue and no longer held". They go to the subscribers in the order
 * they came: a PUBREL takes along what was held before, as a receiver may that keeps the identifiers (MQTT 5, figure 4.3, method A). One
 * that is repeated after a crash appends nothing twice, because a message is handed on under the position at which it was first held.
 */
import { StoreUnavailableError } from '../errors/store-unavailable-error.ts';
import type { Counters } from '../metrics/counters.ts';
import { REASON, type ReasonCode } from '../mqtt/reason-code.ts';
import type { DurableQueueStore, QueueEntry, QueueKey, Seq, TotalBound } from '../queue/durable-queue.ts';
import {
  decodeIdentifiersInUse,
  encodeIdentifiersInUse,
  RECORD_ID,
  type IdentifiersInUse,
} from '../queue/identifiers-in-use.ts';
import { detach, messageBytes, type Message } from '../queue/message.ts';
import type { PublishOrigin } from '../routing/subscriber.ts';
import type { SessionId } from '../tenancy/identity.ts';
import type { AppendBatcher } from './append-batcher.ts';
import { HeldMessage } from './held-message.ts';
import { PublishTicket, type TicketOwner } from './publish-ticket.ts';
import { ReleasedIdentifiers } from './released-identifiers.ts';

export interface HeldMessagesOptions {
  readonly queue: QueueKey;
  readonly sessionId: SessionId;
  readonly store: DurableQueueStore;
  readonly batcher: AppendBatcher;
  readonly counters: Counters;
  readonly nowMs: () => number;
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

/** Bytes of held messages kept in memory per session; beyond that they are read back on release. */
const MEMORY_BYTES_MAX = 256 * 1024;
/** Position of a message that has been handed on and is not in the queue any more. */
const NOWHERE = 0 as Seq;
/** What is read at a time, and handed on before there is more. */
const READ_BATCH = { messagesMax: 256, bytesMax: 1024 * 1024 };

export class HeldMessages {
  readonly #options: HeldMessagesOptions;
  readonly #identifiers: ReleasedIdentifiers;
  /** Those that have not been handed on in the order of their positions. */
  readonly #byPacketId = new Map<number, HeldMessage>();
  /** Handed on for the sake of a later one, before their own PUBREL. */
  readonly #takenAlong = new Set<HeldMessage>();
  /** Everything up to here is in its subscribers' queues. */
  #through = 0 as Seq;
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
    const { queue, store } = options;
    this.#identifiers = new ReleasedIdentifiers({
      queue,
      store,
      inUse: () => this.#identifiersInUse(),
      isHeldBefore: (seq) => this.#isHeldBefore(seq),
      append: (identifiers) => this.#appendRecord(identifiers),
    });
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
   * of the session must not read the queue before, because a release changes what is in it.
   */
  idle(): Promise<void> | undefined {
    return this.#underWay === 0 ? undefined : new Promise((resolve) => (this.#onIdle = resolve));
  }

  /** Reads what an earlier connection left behind. */
  async load(): Promise<void> {
    const { store, queue } = this.#options;
    for (let from = 1; ;) {
      const entries = await store.read(queue, from as Seq, READ_BATCH);
      for (const entry of entries) {
        if (entry.queued.packetId === RECORD_ID) this.#recordFound(entry);
        else this.#heldFound(entry);
        from = entry.seq + 1;
      }
      if (entries.length === 0) return;
    }
  }

  /** Puts the message into the held queue; the ticket is settled when it is durable there. */
  hold(packetId: number, message: Message, ticket: PublishTicket): void {
    const keep = this.#memoryBytes + messageBytes(message) <= MEMORY_BYTES_MAX;
    const { counters, chooseMembers, onQueueFull } = this.#options;
    const held = new HeldMessage(
      counters,
      packetId,
      keep ? detach(message) : undefined,
      chooseMembers(message.topic),
    );
    held.onQueueFull = onQueueFull;
    if (keep) this.#memoryBytes += messageBytes(message);
    this.#byPacketId.set(packetId, held);
    this.#append(message, held, ticket);
  }

  /** The store refused the message: its identifier is free again. */
  abandon(packetId: number): void {
    const held = this.#byPacketId.get(packetId);
    if (held !== undefined) this.#forget(held);
  }

  /** Publishes a held message. Resolves with the reason for PUBCOMP once that may be sent. */
  async release(packetId: number): Promise<ReasonCode> {
    const held = this.#byPacketId.get(packetId);
    if (held === undefined || held.releasing) return REASON.packetIdentifierNotFound;
    held.releasing = true;
    this.#underWay++;
    try {
      await this.#publishAndFree(held);
    } finally {
      this.#underWay--;
      if (this.#underWay === 0) this.#onIdle?.();
    }
    return REASON.success;
  }

  async #publishAndFree(held: HeldMessage): Promise<void> {
    // A trim takes the prefix, so it also waits for every release before this one. One of those may have taken this message along.
    const handedOn = held.staged ? undefined : this.#stage(held);
    const published = Promise.all([this.#released, handedOn]);
    this.#released = published;
    await published;
    this.#through = Math.max(this.#through, held.seq ?? 0) as Seq;
    this.#forget(held);
    // Before PUBCOMP the identifier must be off the record: the client may use it for a new message at once.
    await this.#identifiers.free();
  }

  /** Hands the message to its subscribers' queues, behind all that were held before; resolves when it is durable there. */
  async #stage(held: HeldMessage): Promise<void> {
    const ready = this.#staging === undefined && held.message !== undefined && !this.#isBehindUnstaged(held);
    if (ready && held.seq !== undefined && held.message !== undefined) {
      await this.#handOn(held, held.message, held.seq);
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
    if (message !== undefined && held.seq !== undefined) await this.#handOn(held, message, held.seq);
  }

  /** Makes the held message the next one to be handed on; undefined: it is gone, so it was handed on before. */
  async #prepare(held: HeldMessage, before: Promise<void> | undefined): Promise<Message | undefined> {
    await before;
    await this.#options.batcher.barrier(this.#options.queue);
    if (this.#failed) throw new StoreUnavailableError('durable queue', 'a release before this one failed');
    if (held.staged) return undefined;
    held.seq ??= await this.#findSeq(held.packetId);
    if (this.#isBehindUnstaged(held)) await this.#handOnBefore(held.seq);
    return held.message ?? (await this.#read(held.seq));
  }

  /**
   * The client releases out of order, as it may after a reconnect. Queues take a publisher's messages by rising position, so what
   * was held before that position goes first. Resolves when all of it is durable with its subscribers.
   */
  async #handOnBefore(seq: Seq): Promise<void> {
    const { store, queue } = this.#options;
    for (let from = this.#through + 1; from < seq;) {
      const entries = await store.read(queue, from as Seq, READ_BATCH);
      const earlier = entries.filter((entry) => entry.seq < seq);
      await Promise.all(earlier.map((entry) => this.#handOnEarlier(entry)));
      from = (entries.at(-1)?.seq ?? seq) + 1;
    }
  }

  async #handOnEarlier({ seq, queued }: QueueEntry): Promise<void> {
    const held = this.#byPacketId.get(queued.packetId);
    // One whose PUBREC did not leave is repeated by its client. A position that is not the identifier's is an older message's.
    if (held?.isDurable !== true || held.staged || (held.seq ?? seq) !== seq) return;
    held.seq = seq;
    this.#takenAlong.add(held);
    await this.#handOn(held, queued.message, seq);
    this.#dropMessage(held);
  }

  #handOn(held: HeldMessage, message: Message, seq: Seq): Promise<void> {
    held.staged = true;
    return this.#durably((ticket) => {
      const origin = { producer: `session/${this.#options.sessionId}`, sequence: seq };
      this.#options.publish(message, ticket, origin, held.chosen);
    });
  }

  /** Resolves when everything that `hand` gave the ticket to is durable or refused. */
  #durably(hand: (ticket: PublishTicket) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const owner: TicketOwner = {
        publishSettled: ({ failed }) => {
          if (!failed) resolve();
          else {
            this.#failed = true;
            reject(new StoreUnavailableError('durable queue', 'the release was not stored in time'));
          }
        },
      };
      const ticket = new PublishTicket(owner, 0, this.#options.nowMs());
      hand(ticket);
      ticket.settle();
    });
  }

  #isBehindUnstaged(held: HeldMessage): boolean {
    for (const other of this.#byPacketId.values()) {
      if (other === held) return false;
      if (!other.staged) return true;
    }
    return false;
  }

  #identifiersInUse(): IdentifiersInUse {
    const packetIds: number[] = [];
    for (const { packetId, seq = Infinity, releasing } of this.#takenAlong)
      if (seq <= this.#through && !releasing) packetIds.push(packetId);
    return { through: this.#through, packetIds };
  }

  #isHeldBefore(position: Seq): boolean {
    for (const { seq = position - 1, isDurable } of this.#byPacketId.values())
      if (isDurable && seq > this.#through && seq < position) return true;
    return false;
  }

  async #appendRecord(identifiers: IdentifiersInUse): Promise<Seq> {
    const record = new HeldMessage(this.#options.counters, RECORD_ID, undefined, undefined);
    await this.#durably((ticket) => {
      this.#append(encodeIdentifiersInUse(identifiers, this.#options.nowMs()), record, ticket);
    });
    // Without it a repeated PUBLISH would be taken for a new message after a crash.
    if (!record.isDurable)
      throw new StoreUnavailableError('durable queue', 'identifiers in use have no room in it');
    return record.seq ?? (await this.#findSeq(RECORD_ID));
  }

  #heldFound({ seq, queued }: QueueEntry): void {
    // Of two with one identifier the first was never answered, and its publisher repeated it.
    this.#byPacketId.delete(queued.packetId);
    const held = new HeldMessage(this.#options.counters, queued.packetId, undefined, queued.subscriptionIds);
    held.appended(seq);
    this.#byPacketId.set(queued.packetId, held);
  }

  #recordFound({ seq, queued }: QueueEntry): void {
    const { through, packetIds } = decodeIdentifiersInUse(queued.message);
    // What the record is about may not have been trimmed yet.
    for (const held of [...this.#byPacketId.values()])
      if (held.seq !== undefined && held.seq <= through) this.#forget(held);
    for (const packetId of packetIds) {
      const held = new HeldMessage(this.#options.counters, packetId, undefined, undefined);
      held.appended(NOWHERE);
      held.staged = true;
      this.#takenAlong.add(held);
      this.#byPacketId.set(packetId, held);
    }
    this.#through = through;
    this.#identifiers.recordFound(seq);
  }

  #append(message: Message, receiver: HeldMessage, ticket: PublishTicket): void {
    const { packetId, chosen } = receiver;
    this.#options.batcher.append({
      queue: this.#options.queue,
      queued: { message, qos: 2, retain: message.retain, subscriptionIds: chosen, packetId },
      receiver,
      ticket,
      origin: undefined,
      // A record tells of messages that were held already.
      owed: packetId === RECORD_ID,
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

  #forget(held: HeldMessage): void {
    this.#dropMessage(held);
    this.#takenAlong.delete(held);
    if (this.#byPacketId.get(held.packetId) === held) this.#byPacketId.delete(held.packetId);
  }

  #dropMessage(held: HeldMessage): void {
    if (held.message !== undefined) this.#memoryBytes -= messageBytes(held.message);
    held.message = undefined;
  }
}

function ignore(): void {
  // The message goes to whoever asked for its release; the turn only has an order to keep.
}
