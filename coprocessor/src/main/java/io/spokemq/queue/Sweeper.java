package io.spokemq.queue;

import io.spokemq.queue.protocol.QueueProtocol.SweepRequest;
import io.spokemq.queue.protocol.QueueProtocol.SweepResponse;
import java.io.IOException;
import java.util.concurrent.TimeUnit;

/**
 * Removes what expired from all queues of a region, a while at a time. Since the region opened it
 * has gone over all messages once, to learn when they expire; from then on it visits only queues
 * that are due.
 */
final class Sweeper {
  static final int BUDGET_MS_MAX = 60_000;

  private final QueueRegion region;

  /** Message row to go on with; null before the first one. */
  private byte[] scannedThrough;

  Sweeper(QueueRegion region) {
    this.region = region;
  }

  /** One sweep at a time: a second broker's waits, and then finds little to do. */
  synchronized SweepResponse sweep(SweepRequest request) throws IOException {
    if (request.getNowMs() <= 0
        || request.getBudgetMs() <= 0
        || request.getBudgetMs() > BUDGET_MS_MAX) {
      throw InvalidQueueRequestException.of(
          "now_ms %s, budget_ms %s; send milliseconds since 1970 and a budget of 1 to %s",
          Long.toUnsignedString(request.getNowMs()),
          Integer.toUnsignedString(request.getBudgetMs()),
          BUDGET_MS_MAX);
    }
    long deadlineNs = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(request.getBudgetMs());
    long removed = 0;
    boolean done = learn(deadlineNs);
    for (QueueKey queue : region.expiry().due(request.getNowMs())) {
      if (System.nanoTime() - deadlineNs >= 0) {
        done = false;
        break;
      }
      ExpiredMessages expired = new ExpiredMessages(region, queue, request.getNowMs());
      expired.sweepUntil(deadlineNs);
      removed += expired.removed();
      done &= expired.isDone();
    }
    return SweepResponse.newBuilder().setRemoved(removed).setDone(done).build();
  }

  /** Goes on with the one walk over all messages; true when it has come to the end. */
  private boolean learn(long deadlineNs) throws IOException {
    ExpiryIndex index = region.expiry();
    if (index.isComplete()) {
      return true;
    }
    long messageTtlMs = region.rows().messageTtlMs();
    try (MessageScan scan = region.rows().allMessages(scannedThrough)) {
      for (MessageRow row = scan.next(); row != null; row = scan.next()) {
        QueueKey queue = QueueKey.ofRow(scan.cell());
        if (queue != null) {
          index.offer(
              queue, Math.min(row.expiresAtMs, ExpiredMessages.ttlEndMs(scan, messageTtlMs)));
          scannedThrough = queue.messageRow(row.position);
        }
        if (System.nanoTime() - deadlineNs >= 0) {
          return false;
        }
      }
    }
    index.complete();
    return true;
  }
}
