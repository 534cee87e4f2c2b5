/** Every bound of the broker core, by name. Defaults and their reasons stand in `app/config-schema.ts`. */
import { levelCount } from '../mqtt/topic.ts';
import type { QueueQuota, TenantQueueQuota } from '../queue/durable-queue.ts';

export interface BrokerLimits {
  readonly packetBytesMax: number;
  readonly connectTimeoutMs: number;
  readonly connectionsMax: number;
  /** Accepted connections per second, over all listeners. */
  readonly connectionRateMax: number;
  /** From one IPv4 address or one IPv6 network; 0: any number. */
  readonly connectionsPerAddressMax: number;
  readonly keepAliveMaxS: number;
  readonly sessionsMax: number;
  readonly sessionExpiryMaxS: number;
  /** Also of user names. */
  readonly clientIdBytesMax: number;
  readonly subscriptionsPerSessionMax: number;
  /** Levels from the first `+` on, of all filters of a session: bounds what it adds to the matching of each topic. */
  readonly wildcardLevelsPerSessionMax: number;
  readonly topicLevelsMax: number;
  readonly topicBytesMax: number;
  /** QoS 1 and 2 PUBLISH packets of one client that wait for their acknowledgement: announced to the client. */
  readonly receiveMaximum: number;
  /** SUBSCRIBE and UNSUBSCRIBE packets of one client that wait for the event log. */
  readonly requestsMax: number;
  readonly topicAliasMaximum: number;
  /** Unacknowledged messages sent to one client, whatever receive maximum it asked for. */
  readonly inFlightMax: number;
  /** Above this many bytes a connection gets nothing new; QoS 0 is dropped. */
  readonly outboxBytesHigh: number;
  /** How long a socket may take nothing of what waits for it. */
  readonly stallTimeoutMs: number;
  readonly durableQueue: TenantQueueQuota;
  readonly transientQueue: QueueQuota;
  /** Messages older than this are dropped even without an expiry of their own; 0: never. */
  readonly messageAgeMaxS: number;
  readonly retainedMessagesMax: number;
  readonly retainedBytesMax: number;
  /** Accepted but not yet durable bytes at which reading from publishers stops. */
  readonly unsyncedBytesHigh: number;
  /** How long an append may take before its publisher is disconnected. */
  readonly storeTimeoutMs: number;
}

/** Of a topic name, or a filter without `$share`. */
export function isWithinTopicLimits(
  topic: string,
  limits: Pick<BrokerLimits, 'topicBytesMax' | 'topicLevelsMax'>,
): boolean {
  return Buffer.byteLength(topic) <= limits.topicBytesMax && levelCount(topic) <= limits.topicLevelsMax;
}
