/** The promises that the proof holds the brokers to, and how a broken one is named. */
import type { QoS } from '../../src/mqtt/qos.ts';

export type ViolationKind =
  /** Acknowledged to its publisher, and not delivered to somebody who was owed it. */
  | 'lost'
  /** Delivered again to the same receiver, although both sides agreed on QoS 2. */
  | 'duplicated'
  /** Delivered for the first time after a later message of its stream had been. */
  | 'reordered'
  /** Delivered, and never published. */
  | 'phantom'
  /** Delivered with another QoS than the lower one of publisher and subscription. */
  | 'wrongQos'
  /** CONNACK said that there is no session, although its subscriptions had been acknowledged. */
  | 'sessionForgotten'
  /** A connection ended without DISCONNECT, and its will was not published. */
  | 'willLost'
  | 'willDuplicated'
  /** The will of a connection that still stands. */
  | 'willPremature'
  /** By a broker that the others had taken for dead, on a connection from before. */
  | 'servedByTheDead'
  /** A broker shows an older retained message than the last one that was acknowledged, or another one than its peers. */
  | 'retainedStale';

/** One broken promise. Times are those of `performance.now()`. */
export interface Violation {
  readonly kind: ViolationKind;
  readonly atMs: number;
  readonly topic: string;
  /** Of the message. Absent: it is about no message. */
  readonly qos?: QoS;
  readonly publisher?: string;
  readonly receiver?: string;
  /** Position in the publisher's stream, or number of the connection that left a will. */
  readonly seq?: number;
  /** What tells more than the fields do. */
  readonly detail?: string;
}
