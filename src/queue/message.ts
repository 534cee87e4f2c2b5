/**
 * The application message as queues, router and links carry it. A message is made once per PUBLISH and
 * shared, unchanged, by every queue it goes to; what differs per subscriber stands in `QueuedMessage`.
 */
import type { QoS } from '../mqtt/qos.ts';
import type { ClientId } from '../tenancy/identity.ts';

export interface Message {
  readonly topic: string;
  /** May be a view into a socket chunk: whoever keeps it past the turn calls `detach`. */
  readonly payload: Buffer;
  /** As published, before it is lowered to what a subscription grants. */
  readonly qos: QoS;
  /** The RETAIN flag as published. */
  readonly retain: boolean;
  /**
   * MQTT 5 properties that travel with the message, in wire encoding and publisher's order (payload format,
   * content type, response topic, correlation data, user properties). Empty buffer when there are none.
   */
  readonly properties: Buffer;
  /** Milliseconds since 1970, when the broker received it. */
  readonly publishedAtMs: number;
  /** Milliseconds since 1970; undefined: never expires. */
  readonly expiresAtMs: number | undefined;
  /** Client identifier of the publisher; '' for messages of the broker itself. */
  readonly publisher: ClientId | '';
}

/** One message in one queue. */
export interface QueuedMessage {
  readonly message: Message;
  /** min(published, granted). */
  readonly qos: QoS;
  /** The RETAIN flag this subscriber gets. */
  readonly retain: boolean;
  /**
   * MQTT 5 subscription identifiers of all subscriptions of this session that matched. In `held` queues: the members that shared
   * groups have chosen, as `memberMark` says.
   */
  readonly subscriptionIds: readonly number[] | undefined;
  /** In `held` queues only: the packet identifier the publisher used. 0 elsewhere. */
  readonly packetId: number;
}

const EMPTY = Buffer.alloc(0);
export { EMPTY as NO_PROPERTIES };

/** Size counted against quotas, bytes: topic, payload and properties, not the bookkeeping around them. */
export function messageBytes(message: Message): number {
  return message.topic.length + message.payload.length + message.properties.length;
}

/**
 * A message that owns its bytes. Socket reads come as views into chunks of up to 64 KiB; keeping the view
 * would keep the chunk.
 */
export function detach(message: Message): Message {
  if (ownsItsBytes(message.payload) && ownsItsBytes(message.properties)) return message;
  return {
    ...message,
    payload: Buffer.from(message.payload),
    properties: message.properties.length === 0 ? EMPTY : Buffer.from(message.properties),
  };
}

function ownsItsBytes(bytes: Buffer): boolean {
  return bytes.length === 0 || bytes.buffer.byteLength <= 2 * bytes.length;
}
