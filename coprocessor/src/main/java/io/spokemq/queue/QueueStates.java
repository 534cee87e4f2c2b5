package io.spokemq.queue;

import java.util.Iterator;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The states of a region's queues as far as they are remembered, and one lock for each queue
 * somebody holds. At most `statesMax` are remembered; one that is in use is never forgotten, so a
 * queue never has two locks.
 */
final class QueueStates {
  /** Lock and state of one queue. The state is written under the lock and read by anybody. */
  static final class Slot {
    final ReentrantLock lock = new ReentrantLock();
    volatile QueueState state;
    volatile boolean recentlyUsed = true;

    /** Calls that hold the lock or wait for it; changed inside the map's `compute` only. */
    private int users;
  }

  private final ConcurrentHashMap<QueueKey, Slot> slots = new ConcurrentHashMap<>();
  private final int statesMax;
  private final LongAdder recoveries = new LongAdder();
  private Iterator<ConcurrentHashMap.Entry<QueueKey, Slot>> hand = slots.entrySet().iterator();

  QueueStates(int statesMax) {
    this.statesMax = statesMax;
  }

  /** Waits for the queue. Whoever locks several does so in the order of their keys. */
  Slot lock(QueueKey queue) {
    Slot slot =
        slots.compute(
            queue,
            (key, present) -> {
              Slot used = present == null ? new Slot() : present;
              used.users++;
              return used;
            });
    slot.lock.lock();
    slot.recentlyUsed = true;
    return slot;
  }

  void unlock(QueueKey queue, Slot slot) {
    slot.lock.unlock();
    slots.computeIfPresent(
        queue, (key, present) -> --present.users == 0 && present.state == null ? null : present);
    if (slots.size() > statesMax) {
      forgetSome();
    }
  }

  /** The published state, or null when it is not remembered. Takes no lock. */
  QueueState remembered(QueueKey queue) {
    Slot slot = slots.get(queue);
    if (slot == null) {
      return null;
    }
    slot.recentlyUsed = true;
    return slot.state;
  }

  int size() {
    return slots.size();
  }

  void countRecovery() {
    recoveries.increment();
  }

  long recoveries() {
    return recoveries.sum();
  }

  /** A clock's hand goes round: what was not used since it last passed is forgotten. */
  private synchronized void forgetSome() {
    for (int steps = 2 * slots.size(); steps > 0 && slots.size() > statesMax; steps--) {
      if (!hand.hasNext()) {
        hand = slots.entrySet().iterator();
        if (!hand.hasNext()) {
          return;
        }
      }
      ConcurrentHashMap.Entry<QueueKey, Slot> entry = hand.next();
      if (entry.getValue().recentlyUsed) {
        entry.getValue().recentlyUsed = false;
      } else {
        slots.computeIfPresent(
            entry.getKey(), (key, present) -> present.users == 0 ? null : present);
      }
    }
  }
}
