package io.spokemq.queue;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import org.apache.hadoop.hbase.Cell;
import org.apache.hadoop.hbase.HConstants;
import org.apache.hadoop.hbase.client.ColumnFamilyDescriptor;
import org.apache.hadoop.hbase.client.Get;
import org.apache.hadoop.hbase.client.Mutation;
import org.apache.hadoop.hbase.client.Scan;
import org.apache.hadoop.hbase.regionserver.Region;
import org.apache.hadoop.hbase.regionserver.RegionScanner;
import org.apache.hadoop.hbase.util.EnvironmentEdgeManager;

/**
 * The rows of one region: what its queues are when nobody remembers them. Writes are all or nothing
 * and durable when they return. Takes no lock of a queue.
 */
final class QueueRows {
  /**
   * A queue that nobody wrote to for as long as messages live may have lost its last ones to their
   * time to live, and with them the positions they had. It goes on this far behind, so that none is
   * used twice.
   */
  static final long POSITIONS_SKIPPED = 1L << 32;

  private static final long STATE_OUTLIVES_MESSAGES_MS = 24L * 60 * 60 * 1000;

  private final Region region;

  QueueRows(Region region) {
    this.region = region;
  }

  Region region() {
    return region;
  }

  /** Clock of this server, milliseconds since 1970: times of cells, never positions or order. */
  long nowMs() {
    return EnvironmentEdgeManager.currentTime();
  }

  /** Time to live of message rows, milliseconds; {@link MessageRow#NEVER} when they have none. */
  long messageTtlMs() {
    ColumnFamilyDescriptor family = region.getTableDescriptor().getColumnFamily(MessageRow.FAMILY);
    int seconds = family == null ? HConstants.FOREVER : family.getTimeToLive();
    return seconds == HConstants.FOREVER ? MessageRow.NEVER : seconds * 1000L;
  }

  /**
   * Time to live of the state row of a dropped queue, milliseconds: longer than any row of the
   * queue can be there.
   */
  long droppedTtlMs() {
    long ttlMs = messageTtlMs();
    return ttlMs == MessageRow.NEVER ? MessageRow.NEVER : ttlMs + STATE_OUTLIVES_MESSAGES_MS;
  }

  /** What the queue is: its state row, and the last message behind it. */
  QueueState recover(QueueKey queue) throws IOException {
    QueueState state = stateRow(queue);
    MessageRow last = lastMessage(queue, state.next);
    if (last != null) {
      state.dropped = false;
      state.next = last.position + 1;
      state.appendedBytes = last.cumulativeBytes;
      ProducerWindow window = last.window();
      if (window != null) {
        state.window = window;
      }
    } else if (state.stored && !state.dropped && nowMs() - state.writtenAtMs > messageTtlMs()) {
      state.next += POSITIONS_SKIPPED;
      state.empty();
      // The next append has to write it down.
      state.stored = false;
    }
    if (state.messages() > 0 && !hasBothEnds(queue, state, last != null)) {
      try (QueueHead head = new QueueHead(this, queue, state)) {
        head.recount();
      }
    }
    state.expiryKnown = state.messages() == 0;
    return state;
  }

  /**
   * The state row alone: `base` and `first` hold, `next` may be behind. A new state when there is
   * no row.
   */
  QueueState stateRow(QueueKey queue) throws IOException {
    List<Cell> cells = region.get(new Get(queue.stateRow()).addFamily(StateRow.FAMILY), false);
    return StateRow.decode(cells);
  }

  /**
   * Whether first and last message are there: rows that went by their time to live count no more.
   */
  private boolean hasBothEnds(QueueKey queue, QueueState state, boolean hasLast)
      throws IOException {
    return message(queue, state.first) != null
        && (hasLast || message(queue, state.next - 1) != null);
  }

  private MessageRow lastMessage(QueueKey queue, long from) throws IOException {
    Scan scan =
        new Scan()
            .withStartRow(queue.messageRow(Long.MAX_VALUE), true)
            .withStopRow(queue.messageRow(from), true)
            .setReversed(true)
            .addColumn(MessageRow.FAMILY, MessageRow.VALUE);
    try (RegionScanner scanner = region.getScanner(scan)) {
      List<Cell> cells = new ArrayList<>(1);
      scanner.next(cells);
      return cells.isEmpty() ? null : new MessageRow(cells.get(0));
    }
  }

  /** The message at that position at rest, or null. */
  MessageRow message(QueueKey queue, long position) throws IOException {
    try (MessageScan one = messages(queue, position, position + 1)) {
      return one.next();
    }
  }

  /** Messages from `from` to before `end`, positions at rest, in order. The caller closes it. */
  MessageScan messages(QueueKey queue, long from, long end) throws IOException {
    Scan scan =
        new Scan()
            .withStartRow(queue.messageRow(from), true)
            .withStopRow(queue.messageRow(end), false)
            .addFamily(MessageRow.FAMILY);
    return new MessageScan(region.getScanner(scan));
  }

  /**
   * Messages of all queues behind the row `after`, all of them for null, without filling the block
   * cache. The caller closes it.
   */
  MessageScan allMessages(byte[] after) throws IOException {
    Scan scan = new Scan().addColumn(MessageRow.FAMILY, MessageRow.VALUE).setCacheBlocks(false);
    return new MessageScan(
        region.getScanner(after == null ? scan : scan.withStartRow(after, false)));
  }

  /** Rows of family q from `from` on. The caller closes it. */
  RegionScanner stateRows(byte[] from, boolean inclusive) throws IOException {
    return region.getScanner(new Scan().withStartRow(from, inclusive).addFamily(StateRow.FAMILY));
  }

  /** All of it or nothing, with one sync of the write-ahead log. `rowsToLock` in order. */
  void write(List<Mutation> mutations, Collection<byte[]> rowsToLock) throws IOException {
    region.mutateRowsWithLocks(mutations, rowsToLock, HConstants.NO_NONCE, HConstants.NO_NONCE);
  }
}
