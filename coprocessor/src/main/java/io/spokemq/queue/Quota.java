package io.spokemq.queue;

import io.spokemq.queue.protocol.QueueProtocol;
import io.spokemq.queue.protocol.QueueProtocol.QuotaPolicy;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * How much a queue may hold, and what happens to a message that does not fit. Says what to do; does
 * nothing itself.
 *
 * <pre>q:l := i64 messages max | i64 bytes max | u8 policy, or empty</pre>
 */
final class Quota {
  enum Verdict {
    FITS,
    /** Oldest messages have to go, and then it fits. */
    EVICT,
    REJECTED,
    DROPPED
  }

  private static final int ENCODED_BYTES = 2 * Long.BYTES + 1;

  final long messagesMax;
  final long bytesMax;
  final QuotaPolicy policy;

  Quota(long messagesMax, long bytesMax, QuotaPolicy policy) {
    this.messagesMax = messagesMax;
    this.bytesMax = bytesMax;
    this.policy = policy;
  }

  static Quota parse(QueueProtocol.Quota quota, String field) throws InvalidQueueRequestException {
    if (quota.getMessagesMax() < 0 || quota.getBytesMax() < 0) {
      throw InvalidQueueRequestException.of(
          "%s: %s messages, %s bytes; a quota lies below 2^63",
          field,
          Long.toUnsignedString(quota.getMessagesMax()),
          Long.toUnsignedString(quota.getBytesMax()));
    }
    return new Quota(quota.getMessagesMax(), quota.getBytesMax(), quota.getPolicy());
  }

  QueueProtocol.Quota toProtocol() {
    return QueueProtocol.Quota.newBuilder()
        .setMessagesMax(messagesMax)
        .setBytesMax(bytesMax)
        .setPolicy(policy)
        .build();
  }

  /**
   * The quota that counts for a queue: a held message was answered with PUBREC, so nothing may drop
   * it.
   */
  Quota forQueue(QueueKey queue) {
    return queue.isHeld() && policy != QuotaPolicy.REJECT
        ? new Quota(messagesMax, bytesMax, QuotaPolicy.REJECT)
        : this;
  }

  /** Of a queue that must not hold more than it does. */
  Quota atMost(long messages, long bytes) {
    return new Quota(Math.min(messagesMax, messages), Math.min(bytesMax, bytes), policy);
  }

  /**
   * What becomes of a message of `newBytes` beside `messages` of `bytes`. One that an empty queue
   * could not take evicts none.
   */
  Verdict verdict(long messages, long bytes, long newBytes) {
    if (isWithin(messages, bytes, newBytes)) {
      return Verdict.FITS;
    }
    if (policy == QuotaPolicy.REJECT) {
      return Verdict.REJECTED;
    }
    return policy == QuotaPolicy.DROP_OLDEST && isWithin(0, 0, newBytes)
        ? Verdict.EVICT
        : Verdict.DROPPED;
  }

  boolean isWithin(long messages, long bytes, long newBytes) {
    return messages < messagesMax && newBytes <= bytesMax - bytes;
  }

  byte[] encode() {
    return ByteBuffer.allocate(ENCODED_BYTES)
        .putLong(messagesMax)
        .putLong(bytesMax)
        .put((byte) policy.getNumber())
        .array();
  }

  /** Null for the empty value: the queue has no quota of its own. */
  static Quota decode(byte[] value) throws IOException {
    if (value.length == 0) {
      return null;
    }
    ByteBuffer source = ByteBuffer.wrap(value);
    Quota quota = new Quota(source.getLong(), source.getLong(), QuotaPolicy.valueOf(source.get()));
    if (quota.policy == null) {
      throw new IOException(
          "a quota at rest has an unknown policy; load the release of the endpoint that wrote it");
    }
    return quota;
  }
}
