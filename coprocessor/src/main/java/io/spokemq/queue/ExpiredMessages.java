package io.spokemq.queue;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.apache.hadoop.hbase.Cell;
import org.apache.hadoop.hbase.client.Delete;
import org.apache.hadoop.hbase.client.Mutation;

/**
 * One pass over one queue that removes what expired before `nowMs`: at the head the first position
 * moves on, in the middle rows are deleted and counted as holes. Goes in chunks, so that a long
 * queue is not locked for long; rows that went by their time to live before the pass came are
 * noticed, and the queue is counted again.
 */
final class ExpiredMessages {
  static final int ROWS_PER_CHUNK = 5000;

  private final QueueRegion region;
  private final QueueRows rows;
  private final QueueKey queue;
  private final long nowMs;
  private final long messageTtlMs;

  /** Where the next chunk starts. */
  private long resumeAt;

  private boolean done;
  private long removed;

  /** What the pass has left behind it, and whether nobody else took anything away meanwhile. */
  private long left;

  private long leftBytes;
  private boolean undisturbed = true;
  private QueueState afterChunk;
  private long earliestMs = MessageRow.NEVER;

  ExpiredMessages(QueueRegion region, QueueKey queue, long nowMs) {
    this.region = region;
    this.rows = region.rows();
    this.queue = queue;
    this.nowMs = nowMs;
    this.messageTtlMs = rows.messageTtlMs();
    region.expiry().remove(queue);
  }

  /**
   * Sweeps chunk by chunk until the end or the deadline (`System.nanoTime`), and lets others to the
   * queue in between.
   */
  void sweepUntil(long deadlineNs) throws IOException {
    try {
      do {
        try (LockedQueues queues = region.lock(List.of(queue))) {
          sweepChunk(queues);
        }
      } while (!done && System.nanoTime() - deadlineNs < 0);
    } finally {
      finish();
    }
  }

  /** Sweeps the whole queue while the caller holds it. The caller has no drafts. */
  void sweepHeld(LockedQueues queues) throws IOException {
    try {
      while (!done) {
        sweepChunk(queues);
      }
    } finally {
      finish();
    }
  }

  boolean isDone() {
    return done;
  }

  long removed() {
    return removed;
  }

  private void finish() {
    region.expiry().offer(queue, done ? earliestMs : 0);
    region.counters().messagesExpired.add(removed);
  }

  private void sweepChunk(LockedQueues queues) throws IOException {
    QueueState published = queues.state(queue);
    QueueState draft = queues.draft(queue);
    undisturbed &=
        afterChunk == null || (afterChunk.first == draft.first && afterChunk.holes == draft.holes);
    List<Mutation> mutations = new ArrayList<>();
    boolean changed = walk(draft, mutations);
    boolean atEnd = resumeAt == draft.next;
    draft.expiryKnown = atEnd;
    if (changed) {
      mutations.add(StateRow.put(queue, draft, rows.nowMs()));
    }
    queues.commit(mutations);
    boolean miscounted =
        undisturbed && atEnd && (left != draft.messages() || leftBytes != draft.bytes());
    if (miscounted || draft.holes < 0 || draft.holeBytes < 0) {
      recount(queues);
    }
    afterChunk = queues.state(queue);
    removed += published.messages() - afterChunk.messages();
    done = atEnd;
  }

  /** Rows went by their time to live: the count is what is there, without those just deleted. */
  private void recount(LockedQueues queues) throws IOException {
    QueueState draft = queues.draft(queue);
    try (QueueHead head = new QueueHead(rows, queue, draft)) {
      head.recount();
    }
    queues.commit(List.of(StateRow.put(queue, draft, rows.nowMs())));
  }

  /** Goes over the rows of one chunk; returns whether the draft is another one now. */
  private boolean walk(QueueState draft, List<Mutation> mutations) throws IOException {
    long from = Math.max(draft.first, resumeAt);
    boolean atHead = from == draft.first;
    long passed = 0;
    long passedBytes = 0;
    try (MessageScan scan = rows.messages(queue, from, draft.next)) {
      for (int seen = 0; ; seen++) {
        MessageRow row = scan.next();
        boolean expired = row != null && row.expiresAtMs < nowMs && seen < ROWS_PER_CHUNK;
        if (atHead && !expired && passed > 0) {
          moveHead(draft, row, passed, passedBytes);
        }
        atHead &= expired;
        if (row == null || seen == ROWS_PER_CHUNK) {
          resumeAt = row == null ? draft.next : row.position;
          return passed > 0 || !mutations.isEmpty();
        }
        if (!expired) {
          left++;
          leftBytes += row.size;
          earliestMs = Math.min(earliestMs, goneAtMs(row, scan));
        } else if (atHead) {
          passed++;
          passedBytes += row.size;
        } else {
          mutations.add(deletion(scan.cell(), row.position));
          draft.makeHole(row.size);
        }
      }
    }
  }

  private static void moveHead(
      QueueState draft, MessageRow newFirst, long passed, long passedBytes) {
    if (newFirst == null) {
      draft.empty();
    } else {
      draft.advance(newFirst.position, newFirst.bytesBefore(), passed, passedBytes);
    }
  }

  /**
   * Removes a message with its mark, which is as old as it: the clock of a server that is behind
   * must not matter.
   */
  private Delete deletion(Cell message, long position) {
    return new Delete(queue.messageRow(position))
        .addFamily(MessageRow.FAMILY, message.getTimestamp());
  }

  /** When the message expires, or the region forgets it by itself. */
  private long goneAtMs(MessageRow row, MessageScan scan) {
    return Math.min(row.expiresAtMs, ttlEndMs(scan, messageTtlMs));
  }

  static long ttlEndMs(MessageScan scan, long messageTtlMs) {
    long ttlMs = Math.min(scan.ttlMs(), messageTtlMs);
    return ttlMs == MessageRow.NEVER ? MessageRow.NEVER : scan.cell().getTimestamp() + ttlMs;
  }
}
