package io.spokemq.queue;

import static io.spokemq.queue.TestQueues.queue;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/**
 * What is remembered is bounded, and a queue has one lock however often its state was forgotten.
 */
class QueueStatesTest {
  private static final int STATES_MAX = 4;

  private final QueueStates states = new QueueStates(STATES_MAX);

  private static QueueKey key(int session) throws Exception {
    return QueueKey.parse(queue(session), "queue");
  }

  private void use(int session) throws Exception {
    QueueStates.Slot slot = states.lock(key(session));
    slot.state = new QueueState();
    states.unlock(key(session), slot);
  }

  @Test
  void remembersAtMostSoMany() throws Exception {
    for (int session = 1; session <= 100; session++) {
      use(session);
      assertEquals(Math.min(session, STATES_MAX), states.size());
    }
    assertNull(states.remembered(key(1)));
  }

  @Test
  void oneInUseIsNotForgotten() throws Exception {
    QueueStates.Slot held = states.lock(key(1));
    held.state = new QueueState();
    for (int session = 2; session <= 50; session++) {
      use(session);
    }
    assertSame(held.state, states.remembered(key(1)));
    states.unlock(key(1), held);
  }

  @Test
  void aLockWithoutAStateLeavesNothing() throws Exception {
    states.unlock(key(1), states.lock(key(1)));
    assertEquals(0, states.size());
  }

  @Test
  void neverTwoHoldersOfOneQueue() throws Exception {
    int[] counts = new int[20];
    ExecutorService threads = Executors.newFixedThreadPool(8);
    List<Future<?>> ends = new ArrayList<>();
    for (int thread = 0; thread < 8; thread++) {
      ends.add(
          threads.submit(
              () -> {
                for (int round = 0; round < 20_000; round++) {
                  int session = round % counts.length;
                  QueueStates.Slot slot = states.lock(key(session));
                  slot.state = new QueueState();
                  counts[session]++;
                  states.unlock(key(session), slot);
                }
                return null;
              }));
    }
    for (Future<?> end : ends) {
      assertNull(end.get(60, TimeUnit.SECONDS));
    }
    threads.shutdown();
    for (int count : counts) {
      assertEquals(8 * 20_000 / counts.length, count);
    }
  }
}
