package io.spokemq.queue;

import java.io.IOException;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.hadoop.hbase.client.Mutation;

/**
 * The queues of one call, locked in the order of their keys, with drafts of what they are going to
 * be. Drafts are published when the rows that say the same are durable; when writing them failed,
 * nobody knows what is at rest, and the states are recovered from there.
 */
final class LockedQueues implements AutoCloseable {
  private static final class Locked {
    final QueueStates.Slot slot;
    QueueState draft;

    Locked(QueueStates.Slot slot) {
      this.slot = slot;
    }
  }

  private final QueueStates states;
  private final QueueRows rows;
  private final TreeMap<QueueKey, Locked> queues = new TreeMap<>();

  LockedQueues(QueueStates states, QueueRows rows, Collection<QueueKey> keys) {
    this.states = states;
    this.rows = rows;
    for (QueueKey queue : keys) {
      queues.put(queue, null);
    }
    for (Map.Entry<QueueKey, Locked> entry : queues.entrySet()) {
      entry.setValue(new Locked(states.lock(entry.getKey())));
    }
  }

  /** The state a call may change; the same one for every call of this method. */
  QueueState draft(QueueKey queue) throws IOException {
    Locked locked = queues.get(queue);
    if (locked.draft == null) {
      locked.draft = published(queue, locked.slot).copy();
    }
    return locked.draft;
  }

  /** The state as everybody sees it. */
  QueueState state(QueueKey queue) throws IOException {
    return published(queue, queues.get(queue).slot);
  }

  private QueueState published(QueueKey queue, QueueStates.Slot slot) throws IOException {
    QueueState state = slot.state;
    if (state == null) {
      state = rows.recover(queue);
      states.countRecovery();
      slot.state = state;
    }
    return state;
  }

  /**
   * Makes the mutations durable, all or none, and then the drafts true. New drafts start from
   * there.
   */
  void commit(List<Mutation> mutations) throws IOException {
    boolean durable = false;
    try {
      if (!mutations.isEmpty()) {
        rows.write(mutations, stateRows());
      }
      durable = true;
    } finally {
      for (Locked locked : queues.values()) {
        if (locked.draft != null) {
          locked.slot.state = durable ? locked.draft : null;
          locked.draft = null;
        }
      }
    }
  }

  private List<byte[]> stateRows() {
    byte[][] stateRows = new byte[queues.size()][];
    int at = 0;
    for (QueueKey queue : queues.keySet()) {
      stateRows[at++] = queue.stateRow();
    }
    return List.of(stateRows);
  }

  @Override
  public void close() {
    for (Map.Entry<QueueKey, Locked> entry : queues.entrySet()) {
      if (entry.getValue() != null) {
        states.unlock(entry.getKey(), entry.getValue().slot);
      }
    }
  }
}
