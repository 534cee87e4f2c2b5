package io.spokemq.queue;

import com.google.protobuf.ByteString;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import org.apache.hadoop.hbase.regionserver.Region;

/**
 * The queues of one open region: their rows, the states that are remembered, what expires when, and
 * what was counted.
 */
final class QueueRegion {
  private final QueueRows rows;
  private final QueueStates states;
  private final ExpiryIndex expiry = new ExpiryIndex();
  private final Sweeper sweeper = new Sweeper(this);
  private final QueueCounters counters = new QueueCounters();

  QueueRegion(Region region, int statesMax) {
    this.rows = new QueueRows(region);
    this.states = new QueueStates(statesMax);
  }

  QueueRows rows() {
    return rows;
  }

  QueueStates states() {
    return states;
  }

  ExpiryIndex expiry() {
    return expiry;
  }

  Sweeper sweeper() {
    return sweeper;
  }

  QueueCounters counters() {
    return counters;
  }

  /**
   * The queue a request names; it lies in this region as a whole. `field` names it in the error.
   */
  QueueKey key(ByteString bytes, String field) throws InvalidQueueRequestException {
    QueueKey queue = QueueKey.parse(bytes.toByteArray(), field);
    queue.requireWithin(rows.region().getRegionInfo(), field);
    return queue;
  }

  /** The queue that element `index` of a repeated `field` names. */
  QueueKey key(ByteString bytes, String field, int index) throws InvalidQueueRequestException {
    try {
      return key(bytes, field);
    } catch (InvalidQueueRequestException refused) {
      throw InvalidQueueRequestException.of("[%s] of %s", index, refused.getMessage());
    }
  }

  /** The queues a request names, in its order. */
  List<QueueKey> keys(List<ByteString> keys, String field) throws InvalidQueueRequestException {
    List<QueueKey> queues = new ArrayList<>(keys.size());
    for (int index = 0; index < keys.size(); index++) {
      queues.add(key(keys.get(index), field, index));
    }
    return queues;
  }

  /** What the queue is now. Waits for the queue only when its state is not remembered. */
  QueueState state(QueueKey queue) throws IOException {
    QueueState remembered = states.remembered(queue);
    if (remembered != null) {
      return remembered;
    }
    try (LockedQueues locked = lock(List.of(queue))) {
      return locked.state(queue);
    }
  }

  /** Waits for the queues; the caller closes what it gets. */
  LockedQueues lock(Collection<QueueKey> queues) {
    return new LockedQueues(states, rows, queues);
  }
}
