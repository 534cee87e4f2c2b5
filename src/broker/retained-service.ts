/**
 * Retained messages of one tenant: changes go to the retained log, and what a subscriber sees is the fold of
 * that log. Volatile messages (`$SYS`) live beside it and are gone with the process.
 */
import type { EventLog, LogPosition } from '../event-log/event-log.ts';
import { encodeRetainedEvent } from '../event-log/retained-event-codec.ts';
import type { Counters } from '../metrics/counters.ts';
import { REASON } from '../mqtt/reason-code.ts';
import { detach, messageBytes, type Message } from '../queue/message.ts';
import type { QuotaName } from '../quota/tenant-limits.ts';
import type { TenantQuota } from '../quota/tenant-quota.ts';
import { PublisherShares, type Share } from '../retained/publisher-shares.ts';
import { RetainedTrie } from '../retained/retained-trie.ts';
import type { RetainedEvent } from '../session/events.ts';
import type { TenantId } from '../tenancy/identity.ts';
import type { Clock } from '../time/clock.ts';
import type { PublishTicket } from './publish-ticket.ts';
import type { StagedRetained } from './staged-retained.ts';

export interface RetainedServiceOptions {
  readonly tenant: TenantId;
  readonly log: EventLog;
  /** See `BrokerServices`. */
  readonly logsAreShared: boolean;
  readonly clock: Clock;
  readonly counters: Counters;
  readonly staged: StagedRetained;
  readonly quota: Pick<TenantQuota, 'limits' | 'quotas' | 'exceeded'>;
  /** Resolves when every other broker that lives shows what is at these positions; undefined: there is none. */
  readonly everywhere: (positions: readonly LogPosition[]) => Promise<void> | undefined;
  readonly onStoreError: (error: unknown) => void;
}

/** Records of one append. */
const CLEARED_AT_A_TIME = 1_000;

export class RetainedService {
  readonly #options: RetainedServiceOptions;
  readonly #trie = new RetainedTrie();
  readonly #volatile = new RetainedTrie();
  #stored: Promise<void> = Promise.resolve();
  /** Topics that have no retained message yet and wait for the log to have one: how many changes each. */
  readonly #coming = new Map<string, number>();
  /** What changes that wait for the log add to the bytes retained. */
  #comingBytes = 0;
  /** What comes included; undefined: clients have no limit. */
  #shares: PublisherShares | undefined;

  constructor(options: RetainedServiceOptions) {
    this.#options = options;
  }

  get messages(): number {
    return this.#trie.messages;
  }

  /** A record of the retained log, in log order. */
  apply(event: RetainedEvent): void {
    this.#replace(event.topic, event.message && detach(event.message));
    this.#updateGauges();
  }

  /** Shown to subscribers like a retained message, never logged. */
  setVolatile(message: Message): void {
    this.#volatile.set(message);
  }

  /**
   * Replaces the retained message of the topic, or clears it when the payload is empty [MQTT-3.3.1-6]. The
   * ticket waits until the change is durable, and to be found at every broker; without one (QoS 0) a failure is only counted.
   */
  store(message: Message, ticket: PublishTicket | undefined): void {
    const { tenant, log, clock, counters, staged, quota, onStoreError } = this.#options;
    const clears = message.payload.length === 0;
    if (clears && this.#trie.get(message.topic) === undefined && message.qos === 0) return;
    const shares = this.#sharesNow();
    const share = shares && !clears ? this.#shareOf(message) : undefined;
    const exceeded = clears
      ? undefined
      : (this.#exceededBy(message) ?? this.#shareExceededBy(message, share));
    if (exceeded !== undefined) {
      counters.drop('retainedQuota');
      quota.exceeded(exceeded, message.publisher === '' ? undefined : message.publisher);
      ticket?.expect();
      ticket?.refuse(REASON.quotaExceeded);
      return;
    }
    const event = { tenant, topic: message.topic, message: clears ? undefined : message };
    ticket?.expect();
    const bytes = messageBytes(message);
    const isNew = !clears && this.#trie.get(message.topic) === undefined;
    staged.add(bytes);
    if (isNew) this.#countComing(message.topic, 1);
    const growth = clears ? 0 : Math.max(0, this.#growth(message));
    this.#comingBytes += growth;
    if (share !== undefined) shares?.count(message.publisher, share.messages, share.bytes);
    const decided = (): void => {
      if (share !== undefined) shares?.count(message.publisher, -share.messages, -share.bytes);
      if (isNew) this.#countComing(message.topic, -1);
      this.#comingBytes -= growth;
      staged.settle(bytes);
    };
    const stored = log.append([encodeRetainedEvent(event, clock.nowMs())]).then(
      (positions) => {
        decided();
        if (ticket !== undefined) this.#settleBehind(ticket, positions);
      },
      (error: unknown) => {
        decided();
        counters.storeFailures++;
        onStoreError(error);
        ticket?.fail();
      },
    );
    this.#stored = this.#stored.then(() => stored);
  }

  /**
   * Resolves when `match` shows every change handed in so far. Who subscribes while a message is on its way to the
   * log was not routed it, and must find it here.
   */
  settled(): Promise<void> {
    return this.#stored;
  }

  /** Matching messages that have not expired, lazily. */
  *match(filter: string): Generator<Message, void, undefined> {
    for (const message of this.#trie.match(filter)) {
      if (!this.#hasExpired(message)) yield message;
    }
    yield* this.#volatile.match(filter);
  }

  /**
   * Forgets what has expired, on the log too unless others write to it: a record that clears a topic might come after a
   * message that another broker has just put there. Returns how many.
   */
  async sweepExpired(): Promise<number> {
    const { tenant, log, logsAreShared, clock, counters } = this.#options;
    const topics = Array.from(this.#trie.all())
      .filter((message) => this.#hasExpired(message))
      .map(({ topic }) => topic);
    if (topics.length === 0) return 0;
    if (logsAreShared) {
      for (const topic of topics) this.#replace(topic, undefined);
      this.#updateGauges();
    } else {
      const nowMs = clock.nowMs();
      await log.append(
        topics.map((topic) => encodeRetainedEvent({ tenant, topic, message: undefined }, nowMs)),
      );
    }
    counters.drop('expired', topics.length);
    return topics.length;
  }

  /** On record for nobody any more: the tenant is being removed. Returns how many there were. */
  async clear(): Promise<number> {
    const { tenant, log, clock } = this.#options;
    const topics = Array.from(this.#trie.all(), ({ topic }) => topic);
    for (let first = 0; first < topics.length; first += CLEARED_AT_A_TIME) {
      const some = topics.slice(first, first + CLEARED_AT_A_TIME);
      const nowMs = clock.nowMs();
      await log.append(
        some.map((topic) => encodeRetainedEvent({ tenant, topic, message: undefined }, nowMs)),
      );
    }
    return topics.length;
  }

  #settleBehind(ticket: PublishTicket, positions: readonly LogPosition[]): void {
    const everywhere = this.#options.everywhere(positions);
    if (everywhere === undefined) ticket.settle();
    else
      void everywhere.then(() => {
        ticket.settle();
      });
  }

  #hasExpired(message: Message): boolean {
    return message.expiresAtMs !== undefined && message.expiresAtMs <= this.#options.clock.nowMs();
  }

  #replace(topic: string, message: Message | undefined): void {
    this.#shares?.replaced(this.#trie.get(topic), message);
    if (message === undefined) this.#trie.delete(topic);
    else this.#trie.set(message);
  }

  /** Counted from the beginning when clients get a limit. */
  #sharesNow(): PublisherShares | undefined {
    const { retainedMessagesMax, retainedBytesMax } = this.#options.quota.quotas.client;
    const isLimited = retainedMessagesMax !== Infinity || retainedBytesMax !== Infinity;
    return (this.#shares = isLimited ? (this.#shares ?? new PublisherShares(this.#trie.all())) : undefined);
  }

  /** What the message adds to its publisher's. */
  #shareOf(message: Message): Share {
    const { topic, publisher } = message;
    const before = this.#trie.get(topic);
    const own = before?.publisher === publisher ? before : undefined;
    const isOneMore = own === undefined && !this.#coming.has(topic);
    return {
      messages: isOneMore ? 1 : 0,
      bytes: messageBytes(message) - (own === undefined ? 0 : messageBytes(own)),
    };
  }

  #shareExceededBy({ publisher }: Message, more: Share | undefined): QuotaName | undefined {
    if (more === undefined || publisher === '') return undefined;
    const { retainedMessagesMax, retainedBytesMax } = this.#options.quota.quotas.client;
    const { messages = 0, bytes = 0 } = this.#shares?.of(publisher) ?? {};
    if (messages + more.messages > retainedMessagesMax) return 'client.retainedMessagesMax';
    return bytes + more.bytes > retainedBytesMax ? 'client.retainedBytesMax' : undefined;
  }

  #exceededBy(message: Message): QuotaName | undefined {
    const before = this.#trie.get(message.topic);
    const isOneMore = before === undefined && !this.#coming.has(message.topic);
    const messages = this.#trie.messages + this.#coming.size + (isOneMore ? 1 : 0);
    const bytes = this.#trie.bytes + this.#comingBytes + this.#growth(message);
    const { retainedMessagesMax, retainedBytesMax } = this.#options.quota.limits;
    if (messages > retainedMessagesMax) return 'tenant.retainedMessagesMax';
    return bytes > retainedBytesMax ? 'tenant.retainedBytesMax' : undefined;
  }

  /** Bytes more, or fewer, with this message in place of the one that its topic has. */
  #growth(message: Message): number {
    const before = this.#trie.get(message.topic);
    return messageBytes(message) - (before === undefined ? 0 : messageBytes(before));
  }

  #countComing(topic: string, change: 1 | -1): void {
    const count = (this.#coming.get(topic) ?? 0) + change;
    if (count > 0) this.#coming.set(topic, count);
    else this.#coming.delete(topic);
  }

  #updateGauges(): void {
    this.#options.counters.retainedMessages = this.#trie.messages;
    this.#options.counters.retainedBytes = this.#trie.bytes;
  }
}
