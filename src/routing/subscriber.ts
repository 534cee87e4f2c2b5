/**
 * A session as routing sees it: where its messages go. Routes name it by number, and there is one object per
 * number, made when the first message or connection comes: a million absent sessions cost none.
 */
import type { Counters } from '../metrics/counters.ts';
import type { QoS } from '../mqtt/qos.ts';
import type { QueueKey, Seq } from '../queue/durable-queue.ts';
import type { Message, QueuedMessage } from '../queue/message.ts';
import type { ClientId, SessionId } from '../tenancy/identity.ts';

/** The delivering side of a connected session. Nothing here waits for the client's socket. */
export interface Outlet {
  /** Hands over a message that is not in a durable queue: QoS 0, or any QoS to a transient session. */
  deliver(message: Message, qos: QoS, retain: boolean, subscriptionIds: readonly number[] | undefined): void;
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
  /** undefined while nobody is connected. */
  outlet: Outlet | undefined = undefined;
  /** Highest queue position sent on a connection to this broker; undefined: there was none yet. */
  sentThrough: Seq | undefined = undefined;
  /** It hands its shared messages to others just now: it is to inherit none. */
  isLeaving = false;

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

  appended(seq: Seq, queued: QueuedMessage): void {
    this.outlet?.appended(seq, queued);
  }

  reached(seq: Seq): void {
    this.outlet?.reached(seq);
  }
}

/** The subscribers of one tenant by number. */
export interface Subscribers {
  /** Makes the object if there is none yet. */
  get(number: number): Subscriber;
  /** undefined: never needed so far, so a persistent session that is not connected. */
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
