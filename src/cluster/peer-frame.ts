/** What brokers tell each other. Bytes are `peer-frame-codec.ts`'s business, order and delivery the link's. */
import type { LogPosition } from '../event-log/event-log.ts';
import type { QoS } from '../mqtt/qos.ts';
import type { Seq } from '../queue/durable-queue.ts';
import type { Message } from '../queue/message.ts';
import type { RoutePlace } from '../routing/subscriber.ts';
import type { ClientId, SessionId, TenantId } from '../tenancy/identity.ts';

/** Filters of the sender's transient sessions changed; handled means: counts for every message routed from then on. */
export interface InterestFrame {
  readonly type: 'interest';
  readonly tenant: TenantId;
  readonly added: readonly RoutePlace[];
  readonly removed: readonly RoutePlace[];
}

/** One session that gets the message of a frame. */
export interface PeerTarget {
  readonly clientId: ClientId;
  readonly sessionId: SessionId;
  /** Position in its durable queue, where the message is already; 0: it is in none (QoS 0, or a transient session). */
  readonly seq: Seq | 0;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly subscriptionIds: readonly number[] | undefined;
}

/** A message for sessions that are connected to the receiver; handled means: in the memory of each that is there. */
export interface MessageFrame {
  readonly type: 'message';
  readonly tenant: TenantId;
  readonly message: Message;
  /** For every transient session of the receiver that matches. */
  readonly forInterest: boolean;
  /** For one transient member of each of these shared groups. */
  readonly groups: readonly { readonly name: string; readonly filter: string }[];
  readonly targets: readonly PeerTarget[];
  /** Of a QoS 2 release or a will: what the receiver has handed to transient sessions before is not handed to them again. */
  readonly origin: { readonly producer: string; readonly sequence: number } | undefined;
}

/** Queues reach at least to these positions; what is there was not sent along. */
export interface ReachedFrame {
  readonly type: 'reached';
  readonly tenant: TenantId;
  readonly queues: readonly {
    readonly clientId: ClientId;
    readonly sessionId: SessionId;
    readonly seq: Seq;
  }[];
}

/** Handled means: the receiver has applied the session log up to and including these positions. */
export interface AwaitAppliedFrame {
  readonly type: 'awaitApplied';
  readonly positions: readonly LogPosition[];
}

/** Handled means: the receiver has applied the log of retained messages up to and including these positions. */
export interface AwaitRetainedFrame {
  readonly type: 'awaitRetained';
  readonly positions: readonly LogPosition[];
}

/**
 * The log gives a session of the receiver to the sender. Handled means: the receiver has let go of it, and nothing it began for
 * the session is under way. The reply: the highest position sent to the client, u64; empty: not known.
 */
export interface HandOffFrame {
  readonly type: 'handOff';
  readonly tenant: TenantId;
  readonly clientId: ClientId;
  readonly sessionId: SessionId;
}

/** Whether a persistent member of shared groups that is connected to the sender can take more now; until told otherwise it can. */
export interface CreditFrame {
  readonly type: 'credit';
  readonly tenant: TenantId;
  readonly clientId: ClientId;
  readonly hasCredit: boolean;
}

export type PeerFrame =
  | InterestFrame
  | MessageFrame
  | ReachedFrame
  | AwaitAppliedFrame
  | AwaitRetainedFrame
  | HandOffFrame
  | CreditFrame;
