/**
 * A session as routing sees it: where its messages go. Routes name it by number, and there is one object per
 * number, made when the first message or connection comes: a million absent sessions cost none.
 */
import type { Counters } from '../metrics/counters.ts';
import type { QoS } from '../mqtt/qos.ts';
import type { QueueKey, Seq, TotalBound } from '../queue/durable-queue.ts';
import type { Message, QueuedMessage } from '../queue/message.ts';
import type { ClientId, SessionId } from '../tenancy/identity.ts';

/** Who publishes a message and waits for what has to become of it first. */
export interface Waiting {
  /** One more thing to wait for. */
  expect(): void;
  /** One thing is decided. */
  settle(): void;
  /** It will not be: the publisher must not be told that the message was taken. */
  fail(): void;
}

/** Names one publish beyond one attempt: see `AppendEntry.producer`. */
export interface PublishOrigin {
  readonly producer: string;
  readonly sequence: number;
}

/** The delivering side of a connected session. Nothing here waits for the client's socket. */
export interface Outlet {
  /**
   * Hands over a message that is not in a durable queue: QoS 0, or any QoS to a transient session. An outlet to another broker
   * lets a publisher wait until that one has it; `origin` keeps it from taking the same message twice.
   */
  deliver(
    message: Message,
    qos: QoS,
    retain: boolean,
    subscriptionIds: readonly number[] | undefined,
    waiting?: Waiting,
    origin?: PublishOrigin,
  ): void;
  /** A message became durable in this session's queue at `seq`. */
  appended(seq: Seq, queued: QueuedMessage): void;
  /** The durable queue reaches at least to `seq`; what is there was not handed over. */
  reached(seq: Seq): void;
  /** Whether the client could take one more message now; shared groups prefer members that can. */
  readonly hasCredit: boolean;
}

export class Subscriber {
  readonly counters: Counters;
  /** What its routes name it by. */
  readonly number: number;
  readonly clientId: ClientId;
  readonly sessionId: SessionId;
  /** The durable queue; undefined for a transient session. */
  readonly pending: QueueKey | undefined;
  /** undefined while nobody is connected, here or to another broker. */
  outlet: Outlet | undefined = undefined;
  /** Highest queue position sent on a connection to this broker; undefined: there was none yet. */
  sentThrough: Seq | undefined = undefined;
  /** It hands its shared messages to others just now: it is to inherit none. */
  isLeaving = false;
  /** Highest queue position that this broker has appended at; whoever has the client next may not know of it. */
  appendedThrough: Seq | 0 = 0;
  /** undefined: nobody wants to know. */
  onQueueFull: ((clientId: ClientId, tenantFull: TotalBound | undefined) => void) | undefined = undefined;

  constructor(
    counters: Counters,
    number: number,
    clientId: ClientId,
    sessionId: SessionId,
    pending: QueueKey | undefined,
  ) {
    this.counters = counters;
    this.number = number;
    this.clientId = clientId;
    this.sessionId = sessionId;
    this.pending = pending;
  }

  /** Not a session but another broker, which stands for sessions of its own. */
  get isGuest(): boolean {
    return this.number < 0;
  }

  get isAway(): boolean {
    return this.outlet === undefined;
  }

  appended(seq: Seq, queued: QueuedMessage): void {
    if (seq > this.appendedThrough) this.appendedThrough = seq;
    this.outlet?.appended(seq, queued);
  }

  reached(seq: Seq): void {
    if (seq > this.appendedThrough) this.appendedThrough = seq;
    this.outlet?.reached(seq);
  }

  queueFull(tenantFull: TotalBound | undefined): void {
    this.onQueueFull?.(this.clientId, tenantFull);
  }
}

/** The subscribers of one tenant by number. */
export interface Subscribers {
  /** Makes the object if there is none yet. */
  get(number: number): Subscriber;
  /** undefined: a persistent session that nobody is connected to, and that was never needed so far. */
  peek(number: number): Subscriber | undefined;
}

/** What a session asked for with one subscription. */
export interface RouteOptions {
  readonly qos: QoS;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  readonly subscriptionId: number | undefined;
}

/** Where a subscription hangs in the trie. */
export interface RoutePlace {
  /** Without `$share/{group}/`. */
  readonly filter: string;
  /** undefined: not shared. */
  readonly group: string | undefined;
}

/** A subscription that matched a topic. */
export interface MatchedRoute extends RouteOptions {
  readonly subscriber: Subscriber;
}

/** One subscription in the trie. */
export interface Route extends MatchedRoute, RoutePlace {}
