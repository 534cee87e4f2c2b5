package io.spokemq.queue;

import static io.spokemq.queue.TestQueues.queue;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.spokemq.queue.protocol.QueueProtocol.QueueAppendResult;
import io.spokemq.queue.protocol.QueueProtocol.ReadEntry;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

/**
 * Many brokers append to the same queues in whatever order: positions stay consecutive, nobody
 * waits for ever.
 */
class QueueConcurrencyTest {
  private static final int WRITERS = 8;
  private static final int QUEUES = 50;
  private static final int CALLS = 50;
  private static final int FLUSH_EVERY = 10;
  private static final int QUEUES_PER_CALL = 12;
  private static final long SEED = 20_260_101;

  private final Map<Integer, ConcurrentSkipListSet<Long>> positions = new ConcurrentHashMap<>();

  @Test
  void positionsAreConsecutiveWhoeverAppends() throws Exception {
    Map<String, String> attributes = new TreeMap<>(TestQueues.RESTRICTED_SPLITS);
    // Fewer states than queues: they are forgotten and recovered while others wait for them.
    attributes.put(QueueEndpoint.STATES_MAX_KEY, "10");
    TestQueues queues = new TestQueues(messages -> {}, attributes);
    System.out.println("concurrent appends: seed " + SEED);
    ExecutorService threads = Executors.newCachedThreadPool();
    AtomicBoolean written = new AtomicBoolean();
    try {
      List<Future<Void>> writers = new ArrayList<>();
      for (int writer = 0; writer < WRITERS; writer++) {
        writers.add(threads.submit(writing(queues, writer)));
      }
      Future<Void> reader = threads.submit(reading(queues, written));
      for (Future<Void> writer : writers) {
        writer.get(300, TimeUnit.SECONDS);
      }
      written.set(true);
      reader.get(60, TimeUnit.SECONDS);
    } finally {
      written.set(true);
      threads.shutdownNow();
    }
    for (Map.Entry<Integer, ConcurrentSkipListSet<Long>> entry : positions.entrySet()) {
      assertEquals(
          entry.getValue().size(), entry.getValue().last(), "positions of queue " + entry.getKey());
      long next = entry.getValue().last() + 1;
      assertTrue(
          queues.bounds(queue(entry.getKey())).startsWith("1 " + next + " "),
          "bounds of queue " + entry.getKey());
    }
    assertTrue(queues.statistics(queue(1)).getQueuesCached() <= 10 + WRITERS * QUEUES_PER_CALL);
  }

  private Callable<Void> writing(TestQueues queues, int writer) {
    return () -> {
      Random random = new Random(SEED + writer);
      List<Integer> sessions = new ArrayList<>();
      for (int session = 1; session <= QUEUES; session++) {
        sessions.add(session);
      }
      for (int call = 0; call < CALLS; call++) {
        if (writer == 0 && call % FLUSH_EVERY == FLUSH_EVERY - 1) {
          queues.flush(queue(1));
        }
        Collections.shuffle(sessions, random);
        TestQueues.Batch batch = new TestQueues.Batch(TestQueues.GENEROUS, "broker#" + writer);
        for (int session : sessions.subList(0, QUEUES_PER_CALL)) {
          batch.queue(queue(session), batch.entry("a"), batch.entry("b"));
        }
        List<QueueAppendResult> results = queues.send(queue(1), batch);
        for (int index = 0; index < QUEUES_PER_CALL; index++) {
          List<Long> seqs = results.get(index).getSeqList();
          assertEquals(seqs.get(0) + 1, seqs.get(1), "entries of one call follow each other");
          for (long seq : seqs) {
            boolean isNew =
                positions
                    .computeIfAbsent(sessions.get(index), key -> new ConcurrentSkipListSet<>())
                    .add(seq);
            assertTrue(isNew, "position " + seq + " given twice in queue " + sessions.get(index));
          }
        }
      }
      return null;
    };
  }

  /** A reader never sees a position before the one in front of it. */
  private static Callable<Void> reading(TestQueues queues, AtomicBoolean written) {
    return () -> {
      for (int session = 1; !written.get(); session = session % QUEUES + 1) {
        long expected = 1;
        for (ReadEntry entry : queues.read(queue(session), 1)) {
          assertEquals(expected++, entry.getSeq());
        }
      }
      return null;
    };
  }
}
