/** Limits small enough that a short simulation meets them. */
import type { BrokerLimits } from '../../src/broker/limits.ts';
import { NEVER_EXPIRES_S } from '../../src/session/events.ts';

export const SIMULATED_LIMITS: BrokerLimits = {
  packetBytesMax: 1_048_576,
  connectTimeoutMs: 10_000,
  connectionsMax: 1_000,
  connectionRateMax: 1_000,
  connectionsPerAddressMax: 0,
  keepAliveMaxS: 65_535,
  sessionsMax: 1_000,
  sessionExpiryMaxS: NEVER_EXPIRES_S,
  clientIdBytesMax: 1_024,
  subscriptionsPerSessionMax: 100,
  wildcardLevelsPerSessionMax: 1_000,
  topicLevelsMax: 16,
  topicBytesMax: 1_024,
  receiveMaximum: 32,
  requestsMax: 16,
  topicAliasMaximum: 8,
  inFlightMax: 16,
  outboxBytesHigh: 2_048,
  stallTimeoutMs: 300_000,
  durableQueue: { messagesMax: 100_000, bytesMax: 64 * 1_048_576, policy: 'reject' },
  transientQueue: { messagesMax: 100, bytesMax: 65_536, policy: 'drop-newest' },
  messageAgeMaxS: 0,
  retainedMessagesMax: 1_000,
  retainedBytesMax: 1_048_576,
  unsyncedBytesHigh: 4_096,
  storeTimeoutMs: 2_000,
};
