/** Limits so small that cases meet them, and so short that nothing of a case outlives it for long. */
export const FUZZ_LIMITS = {
  packetBytesMax: 8_192,
  connectTimeoutMs: 2_000,
  connectionRateMax: 100_000,
  sessionsMax: 500,
  sessionExpiryMaxS: 2,
  clientIdBytesMax: 64,
  subscriptionsPerSessionMax: 12,
  wildcardLevelsPerSessionMax: 30,
  topicLevelsMax: 8,
  topicBytesMax: 64,
  receiveMaximum: 3,
  requestsMax: 2,
  topicAliasMaximum: 2,
  inFlightMax: 4,
  outboxBytesHigh: 4_096,
  stallTimeoutMs: 2_000,
  // With `reject` a session that stays away would refuse the messages of the witness.
  durableQueue: { messagesMax: 200, bytesMax: 200_000, policy: 'drop-oldest' },
  transientQueue: { messagesMax: 10, bytesMax: 4_096 },
  retainedMessagesMax: 20,
  retainedBytesMax: 20_000,
} as const;
