package io.spokemq.queue;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/**
 * Which queues of a region have something to expire, and when at the earliest. A time may be too
 * early, never too late: a sweep that finds nothing puts it right. Covers what was appended since
 * the region opened, and everything once `complete`.
 */
final class ExpiryIndex {
  private static final class Due implements Comparable<Due> {
    final long atMs;
    final QueueKey queue;

    Due(long atMs, QueueKey queue) {
      this.atMs = atMs;
      this.queue = queue;
    }

    @Override
    public int compareTo(Due other) {
      int byTime = Long.compare(atMs, other.atMs);
      return byTime != 0 ? byTime : queue.compareTo(other.queue);
    }
  }

  private final Map<QueueKey, Due> dues = new HashMap<>();
  private final TreeSet<Due> byTime = new TreeSet<>();
  private boolean complete;

  /** Something in the queue expires at `atMs`, {@link MessageRow#NEVER} for nothing. */
  synchronized void offer(QueueKey queue, long atMs) {
    Due known = dues.get(queue);
    if (atMs == MessageRow.NEVER || (known != null && known.atMs <= atMs)) {
      return;
    }
    remove(queue);
    Due due = new Due(atMs, queue);
    dues.put(queue, due);
    byTime.add(due);
  }

  /** Nothing in the queue expires. */
  synchronized void remove(QueueKey queue) {
    Due known = dues.remove(queue);
    if (known != null) {
      byTime.remove(known);
    }
  }

  synchronized boolean isDue(QueueKey queue, long nowMs) {
    Due known = dues.get(queue);
    return known != null && known.atMs < nowMs;
  }

  /** Queues with something that expired before `nowMs`, the most overdue first. */
  synchronized List<QueueKey> due(long nowMs) {
    List<QueueKey> queues = new ArrayList<>();
    for (Due due : byTime) {
      if (due.atMs >= nowMs) {
        break;
      }
      queues.add(due.queue);
    }
    return queues;
  }

  synchronized boolean isComplete() {
    return complete;
  }

  synchronized void complete() {
    complete = true;
  }
}
