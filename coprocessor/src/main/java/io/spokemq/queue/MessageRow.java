package io.spokemq.queue;

import com.google.protobuf.ByteString;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.apache.hadoop.hbase.Cell;
import org.apache.hadoop.hbase.util.Bytes;

/**
 * A message at rest: the only place that knows its layout. A view of a cell, valid as long as the
 * cell is.
 *
 * <pre>
 *   m:v := u8 version 1 | u8 flags | i64 cumulative bytes | i32 size | i64 expires at if flags.expires
 *          | window if flags.window | delivery | body                    flags: 1 window, 2 expires
 *   m:k := empty                                                         marked
 * </pre>
 */
final class MessageRow {
  static final byte[] FAMILY = Bytes.toBytes("m");
  static final byte[] VALUE = Bytes.toBytes("v");
  static final byte[] MARK = Bytes.toBytes("k");

  /** A message without an expiry expires then. */
  static final long NEVER = Long.MAX_VALUE;

  private static final int WINDOW = 1;
  private static final int EXPIRES = 2;
  private static final int FIXED_BYTES = 2 + Long.BYTES + Integer.BYTES;

  final long position;

  /** Sizes of all messages of the queue up to and including this one. */
  final long cumulativeBytes;

  final int size;
  final long expiresAtMs;

  private final ByteBuffer afterFixed;
  private final boolean hasWindow;

  /** The message in a cell m:v. */
  MessageRow(Cell cell) throws IOException {
    ByteBuffer value =
        ByteBuffer.wrap(cell.getValueArray(), cell.getValueOffset(), cell.getValueLength());
    LayoutVersion.require(value.get(), cell);
    int flags = value.get();
    position = QueueKey.positionOf(cell);
    cumulativeBytes = value.getLong();
    size = value.getInt();
    expiresAtMs = (flags & EXPIRES) == 0 ? NEVER : value.getLong();
    hasWindow = (flags & WINDOW) != 0;
    afterFixed = value;
  }

  static boolean isValue(Cell cell) {
    return cell.getQualifierLength() == 1
        && cell.getQualifierArray()[cell.getQualifierOffset()] == VALUE[0];
  }

  static boolean isMark(Cell cell) {
    return cell.getQualifierLength() == 1
        && cell.getQualifierArray()[cell.getQualifierOffset()] == MARK[0];
  }

  /** `window`: null for every message of an append but its last. */
  static byte[] encode(
      long cumulativeBytes,
      int size,
      long expiresAtMs,
      ProducerWindow window,
      ByteString delivery,
      ByteString body) {
    boolean expires = expiresAtMs != NEVER;
    int bytes =
        FIXED_BYTES
            + (expires ? Long.BYTES : 0)
            + (window == null ? 0 : window.encodedBytes())
            + delivery.size()
            + body.size();
    ByteBuffer value = ByteBuffer.allocate(bytes);
    value
        .put(LayoutVersion.CURRENT)
        .put((byte) ((window == null ? 0 : WINDOW) | (expires ? EXPIRES : 0)));
    value.putLong(cumulativeBytes).putInt(size);
    if (expires) {
      value.putLong(expiresAtMs);
    }
    if (window != null) {
      window.encode(value);
    }
    delivery.copyTo(value.array(), value.position());
    body.copyTo(value.array(), value.position() + delivery.size());
    return value.array();
  }

  /** Sizes of all messages of the queue before this one. */
  long bytesBefore() {
    return cumulativeBytes - size;
  }

  /**
   * What the queue remembered of its producers when this message came, or null: a later message of
   * the append says it.
   */
  ProducerWindow window() {
    return hasWindow ? ProducerWindow.decode(afterFixed.duplicate()) : null;
  }

  /** Delivery and body, copied: the cell's bytes go back to the region. */
  ByteString content() {
    ByteBuffer content = afterFixed.duplicate();
    if (hasWindow) {
      ProducerWindow.skip(content);
    }
    return ByteString.copyFrom(content);
  }
}
