package io.spokemq.queue;

import java.io.Closeable;
import java.io.IOException;

/**
 * Moves the first position of one queue and keeps its counts right on the way. Works on a draft,
 * writes nothing; the caller holds the queue's lock.
 */
final class QueueHead implements Closeable {
  private final QueueRows rows;
  private final QueueKey queue;
  private final QueueState draft;

  /** End of the rows at rest: what the call itself appends lies behind. */
  private final long end;

  private final long bytesBeforeEnd;
  private MessageScan scan;
  private MessageRow oldest;

  QueueHead(QueueRows rows, QueueKey queue, QueueState draft) {
    this.rows = rows;
    this.queue = queue;
    this.draft = draft;
    this.end = draft.next;
    this.bytesBeforeEnd = draft.appendedBytes;
  }

  /**
   * Everything before `newFirst` goes. Without holes that is one read, and none when nothing stays.
   */
  void trimBefore(long newFirst) throws IOException {
    if (newFirst >= end) {
      draft.empty();
      return;
    }
    if (draft.holes == 0) {
      MessageRow row = rows.message(queue, newFirst);
      if (row != null) {
        draft.beginAt(newFirst, row.bytesBefore());
        return;
      }
    }
    trimWithHoles(newFirst);
  }

  private void trimWithHoles(long newFirst) throws IOException {
    long passed = 0;
    long passedBytes = 0;
    try (MessageScan walk = rows.messages(queue, draft.first, end)) {
      MessageRow row = walk.next();
      for (; row != null && row.position < newFirst; row = walk.next()) {
        passed++;
        passedBytes += row.size;
      }
      if (row == null) {
        draft.empty();
        return;
      }
      draft.advance(row.position, row.bytesBefore(), passed, passedBytes);
    }
    if (draft.holes < 0 || draft.holeBytes < 0) {
      recount();
    }
  }

  /**
   * Evicts the oldest message at rest. False when there is none, and then the queue begins behind
   * all of them.
   */
  boolean evictOldest() throws IOException {
    if (scan == null) {
      scan = rows.messages(queue, draft.first, end);
      oldest = scan.next();
    }
    if (oldest == null) {
      draft.beginAt(end, bytesBeforeEnd);
      return false;
    }
    long size = oldest.size;
    oldest = scan.next();
    if (oldest == null) {
      draft.beginAt(end, bytesBeforeEnd);
    } else {
      draft.advance(oldest.position, oldest.bytesBefore(), 1, size);
    }
    return true;
  }

  /** Counts what is there; for a queue that lost rows to their time to live. */
  void recount() throws IOException {
    long present = 0;
    long presentBytes = 0;
    long first = end;
    long bytesBeforeFirst = draft.appendedBytes;
    try (MessageScan walk = rows.messages(queue, draft.first, end)) {
      for (MessageRow row = walk.next(); row != null; row = walk.next()) {
        if (present == 0) {
          first = row.position;
          bytesBeforeFirst = row.bytesBefore();
        }
        present++;
        presentBytes += row.size;
      }
    }
    draft.beginAt(first, bytesBeforeFirst);
    draft.holes = draft.next - first - present;
    draft.holeBytes = draft.appendedBytes - bytesBeforeFirst - presentBytes;
  }

  @Override
  public void close() throws IOException {
    if (scan != null) {
      scan.close();
    }
  }
}
