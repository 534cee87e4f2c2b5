package io.spokemq.queue;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.apache.hadoop.hbase.Cell;
import org.apache.hadoop.hbase.client.RegionInfo;
import org.apache.hadoop.hbase.util.Bytes;

/**
 * The key of one queue, and the rows that belong to it: the only place that knows how they are laid
 * out.
 *
 * <pre>
 *   queue key   := reverse(session id, 64 bits) '_' tenant '_' kind      kind: 0x01 pending, 0x02 held
 *   state row   := queue key
 *   message row := queue key | position (8 bytes, big endian)
 * </pre>
 *
 * The kind's byte cannot occur in a tenant's name, so no queue key is a prefix of another one's
 * rows.
 */
final class QueueKey implements Comparable<QueueKey> {
  static final byte PENDING = 1;
  static final byte HELD = 2;
  static final int TENANT_BYTES_MAX = 64;

  private static final int SESSION_BYTES = Long.BYTES;
  private static final int TENANT_AT = SESSION_BYTES + 1;
  private static final int KEY_BYTES_MIN = TENANT_AT + 1 + 2;
  private static final byte SEPARATOR = '_';

  private final byte[] bytes;
  private final int hash;

  private QueueKey(byte[] bytes) {
    this.bytes = bytes;
    this.hash = Arrays.hashCode(bytes);
  }

  /** The key in a request. `field` names it in the error. */
  static QueueKey parse(byte[] bytes, String field) throws InvalidQueueRequestException {
    int keyBytes = keyBytes(bytes, 0, bytes.length);
    if (keyBytes == 0 || keyBytes != bytes.length) {
      throw InvalidQueueRequestException.of(
          "%s: %s is no queue key; send reverse(session id) '_' tenant '_' kind, with a "
              + "tenant of 1 to %s characters [A-Za-z0-9._-] and kind 0x01 or 0x02",
          field, Bytes.toStringBinary(bytes), TENANT_BYTES_MAX);
    }
    return new QueueKey(bytes);
  }

  /** The queue that a row belongs to, or null for a row that is not ours. */
  static QueueKey ofRow(Cell cell) {
    byte[] row = cell.getRowArray();
    int offset = cell.getRowOffset();
    int length = cell.getRowLength();
    int keyBytes = keyBytes(row, offset, length);
    if (keyBytes != length && keyBytes + Long.BYTES != length) {
      return null;
    }
    return keyBytes == 0 ? null : new QueueKey(Arrays.copyOfRange(row, offset, offset + keyBytes));
  }

  /** Length of the queue key at the start of a row; 0 when there is none. */
  private static int keyBytes(byte[] row, int offset, int length) {
    if (length < KEY_BYTES_MIN || row[offset + SESSION_BYTES] != SEPARATOR) {
      return 0;
    }
    int end = Math.min(length - 1, TENANT_AT + TENANT_BYTES_MAX + 1);
    for (int at = TENANT_AT; at <= end; at++) {
      byte found = row[offset + at];
      if (found == PENDING || found == HELD) {
        return row[offset + at - 1] == SEPARATOR && at - 1 > TENANT_AT ? at + 1 : 0;
      }
      if (!isTenantByte(found)) {
        return 0;
      }
    }
    return 0;
  }

  private static boolean isTenantByte(byte found) {
    return (found >= 'a' && found <= 'z')
        || (found >= 'A' && found <= 'Z')
        || (found >= '0' && found <= '9')
        || found == '.'
        || found == '_'
        || found == '-';
  }

  /** Whether a row of family m or q is one of this queue's. */
  boolean owns(Cell cell) {
    int length = cell.getRowLength();
    return (length == bytes.length || length == bytes.length + Long.BYTES)
        && Bytes.equals(
            cell.getRowArray(), cell.getRowOffset(), bytes.length, bytes, 0, bytes.length);
  }

  /** Whether a row that `owns` accepts is a message, not the state. */
  boolean isMessageRow(Cell cell) {
    return cell.getRowLength() != bytes.length;
  }

  /** Position at rest of a message row. */
  static long positionOf(Cell cell) {
    return Bytes.toLong(cell.getRowArray(), cell.getRowOffset() + cell.getRowLength() - Long.BYTES);
  }

  boolean isHeld() {
    return bytes[bytes.length - 1] == HELD;
  }

  byte[] stateRow() {
    return bytes;
  }

  byte[] messageRow(long position) {
    return ByteBuffer.allocate(bytes.length + Long.BYTES).put(bytes).putLong(position).array();
  }

  /**
   * Refuses a queue that this region does not hold as a whole. Automatic splits keep queues whole;
   * an explicit split point inside one does not, and then nobody can answer for it.
   */
  void requireWithin(RegionInfo region, String field) throws InvalidQueueRequestException {
    if (!region.containsRow(bytes)) {
      throw InvalidQueueRequestException.of(
          "%s: queue %s is not in region %s; locate its region again",
          field, this, region.getRegionNameAsString());
    }
    if (!region.containsRow(messageRow(Long.MAX_VALUE))) {
      throw InvalidQueueRequestException.of(
          "%s: region %s ends inside queue %s; merge it with the next region, and split only "
              + "at the first %s bytes of a key",
          field, region.getRegionNameAsString(), this, SESSION_BYTES);
    }
  }

  @Override
  public int compareTo(QueueKey other) {
    return Arrays.compareUnsigned(bytes, other.bytes);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof QueueKey && Arrays.equals(bytes, ((QueueKey) other).bytes);
  }

  @Override
  public int hashCode() {
    return hash;
  }

  /** `tenant/session id/kind`, as brokers write it. */
  @Override
  public String toString() {
    String tenant =
        new String(bytes, TENANT_AT, bytes.length - TENANT_AT - 2, StandardCharsets.UTF_8);
    return tenant + "/" + Long.reverse(Bytes.toLong(bytes)) + "/" + (isHeld() ? "held" : "pending");
  }
}
