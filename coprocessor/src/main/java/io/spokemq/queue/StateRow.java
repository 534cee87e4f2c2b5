package io.spokemq.queue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import org.apache.hadoop.hbase.Cell;
import org.apache.hadoop.hbase.CellUtil;
import org.apache.hadoop.hbase.client.Delete;
import org.apache.hadoop.hbase.client.Mutation;
import org.apache.hadoop.hbase.client.Put;
import org.apache.hadoop.hbase.util.Bytes;

/**
 * The state of a queue at rest: the only place that knows its layout. The row says what was true
 * when it was written; messages appended since say the rest (see {@link QueueRows#recover}).
 *
 * <pre>
 *   q:s := u8 version 1 | u8 flags | i64 base | i64 first | i64 next | i64 appended bytes | i64 trimmed bytes
 *          | i64 holes | i64 hole bytes | window                         flags: 1 dropped
 *   q:l := quota, or empty
 * </pre>
 */
final class StateRow {
  static final byte[] FAMILY = Bytes.toBytes("q");

  private static final byte[] STATE = Bytes.toBytes("s");
  private static final byte[] QUOTA = Bytes.toBytes("l");
  private static final int DROPPED = 1;
  private static final int FIXED_BYTES = 2 + 7 * Long.BYTES;

  private StateRow() {}

  /** The state in the cells of a row of family q. */
  static QueueState decode(List<Cell> cells) throws IOException {
    QueueState state = new QueueState();
    for (Cell cell : cells) {
      state.writtenAtMs = Math.max(state.writtenAtMs, cell.getTimestamp());
      if (CellUtil.matchingQualifier(cell, QUOTA)) {
        state.quota = Quota.decode(CellUtil.cloneValue(cell));
      } else if (CellUtil.matchingQualifier(cell, STATE)) {
        decode(cell, state);
      }
    }
    return state;
  }

  private static void decode(Cell cell, QueueState into) throws IOException {
    ByteBuffer value =
        ByteBuffer.wrap(cell.getValueArray(), cell.getValueOffset(), cell.getValueLength());
    LayoutVersion.require(value.get(), cell);
    into.dropped = (value.get() & DROPPED) != 0;
    into.base = value.getLong();
    into.first = value.getLong();
    into.next = value.getLong();
    into.appendedBytes = value.getLong();
    into.trimmedBytes = value.getLong();
    into.holes = value.getLong();
    into.holeBytes = value.getLong();
    into.window = ProducerWindow.decode(value);
    into.stored = true;
  }

  /** The row that says what `state` says. Moves its time on. */
  static Put put(QueueKey queue, QueueState state, long nowMs) {
    state.stored = true;
    return new Put(queue.stateRow()).addColumn(FAMILY, STATE, later(state, nowMs), encode(state));
  }

  /**
   * The row of a queue that was just dropped; it goes by itself after `ttlMs`, when no row of the
   * queue can be left.
   */
  static List<Mutation> dropped(QueueKey queue, QueueState state, long nowMs, long ttlMs) {
    long before = state.writtenAtMs;
    Put put = put(queue, state, nowMs);
    if (ttlMs < MessageRow.NEVER) {
      put.setTTL(ttlMs);
    }
    // Without the delete an older version would come back when the one with a time to live has
    // ended.
    Delete older =
        new Delete(queue.stateRow())
            .addColumns(FAMILY, STATE, before)
            .addColumns(FAMILY, QUOTA, before);
    return List.of(older, put);
  }

  static Put putQuota(QueueKey queue, QueueState state, long nowMs) {
    byte[] value = state.quota == null ? new byte[0] : state.quota.encode();
    return new Put(queue.stateRow()).addColumn(FAMILY, QUOTA, later(state, nowMs), value);
  }

  /**
   * A region that moved to a server whose clock is behind still overwrites what it wrote before.
   */
  private static long later(QueueState state, long nowMs) {
    state.writtenAtMs = Math.max(nowMs, state.writtenAtMs + 1);
    return state.writtenAtMs;
  }

  private static byte[] encode(QueueState state) {
    ByteBuffer value = ByteBuffer.allocate(FIXED_BYTES + state.window.encodedBytes());
    value.put(LayoutVersion.CURRENT).put((byte) (state.dropped ? DROPPED : 0));
    value.putLong(state.base).putLong(state.first).putLong(state.next);
    value.putLong(state.appendedBytes).putLong(state.trimmedBytes);
    value.putLong(state.holes).putLong(state.holeBytes);
    state.window.encode(value);
    return value.array();
  }
}
