package io.spokemq.queue;

import java.util.List;
import org.apache.hadoop.hbase.Cell;

/**
 * Tells rows of messages that nobody will see again: those before the first position of their
 * queue. For one scanner, which goes from queue to queue. Takes no lock, and keeps what it cannot
 * decide about: a row kept too long costs space, one left out too early would be a lost message.
 */
final class DeadRows {
  private static final long NONE = 0;

  private final QueueRegion region;
  private QueueKey queue;

  /** First position of `queue` at rest. It only rises, so an old one leaves out too little. */
  private long first;

  private long lastDeadPosition;

  DeadRows(QueueRegion region) {
    this.region = region;
  }

  /** Takes the cells of dead rows out of the list; returns how many rows that were. */
  int removeFrom(List<? extends Cell> cells) {
    int[] deadRows = {0};
    cells.removeIf(
        cell -> {
          if (!isDead(cell)) {
            return false;
          }
          long position = QueueKey.positionOf(cell);
          if (position != lastDeadPosition) {
            lastDeadPosition = position;
            deadRows[0]++;
          }
          return true;
        });
    return deadRows[0];
  }

  boolean isDead(Cell cell) {
    if (queue == null || !queue.owns(cell)) {
      queue = QueueKey.ofRow(cell);
      first = queue == null ? NONE : firstOf(queue);
      lastDeadPosition = NONE;
    }
    return queue != null && queue.isMessageRow(cell) && QueueKey.positionOf(cell) < first;
  }

  private long firstOf(QueueKey queue) {
    QueueState remembered = region.states().remembered(queue);
    if (remembered != null) {
      return remembered.first;
    }
    try {
      QueueState state = region.rows().stateRow(queue);
      return state.stored ? state.first : NONE;
    } catch (Exception undecided) {
      // The region is closing, or its files cannot be read now: the row stays until a later
      // compaction.
      return NONE;
    }
  }
}
