package io.spokemq.queue;

import static io.spokemq.queue.TestQueues.RESTRICTED_SPLITS;
import static io.spokemq.queue.TestQueues.queue;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.spokemq.queue.protocol.QueueProtocol.AppendEntry;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;
import org.apache.hadoop.hbase.MemoryCompactionPolicy;
import org.apache.hadoop.hbase.client.Result;
import org.apache.hadoop.hbase.client.ResultScanner;
import org.apache.hadoop.hbase.client.Scan;
import org.apache.hadoop.hbase.regionserver.HStore;
import org.apache.hadoop.hbase.regionserver.HStoreFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Trimmed messages vanish when memory is written out or compacted, and nothing else does. */
class TrimmedRowsTest {
  private static final byte[] BIKE = queue(1);
  private static final byte[] OTHER = queue(2);
  private static final int MESSAGE_BYTES = 1000;

  private static String[] bodies(int count) {
    String[] bodies = new String[count];
    Arrays.fill(bodies, "x".repeat(MESSAGE_BYTES));
    return bodies;
  }

  private static long entriesInFiles(TestQueues queues) throws Exception {
    HStore messages = queues.openRegion(BIKE).getStore(MessageRow.FAMILY);
    long entries = 0;
    for (HStoreFile file : messages.getStorefiles()) {
      file.initReader();
      entries += file.getReader().getEntries();
    }
    return entries;
  }

  private static int rowsShown(TestQueues queues, Scan scan) throws Exception {
    int rows = 0;
    try (ResultScanner scanner = queues.table.getScanner(scan)) {
      for (Result row = scanner.next(); row != null; row = scanner.next()) {
        rows++;
      }
    }
    return rows;
  }

  @Test
  void aFlushLeavesOutWhatWasTrimmed() throws Exception {
    TestQueues queues = new TestQueues();
    queues.append(BIKE, bodies(500));
    queues.append(OTHER, bodies(500));
    queues.mark(BIKE, 1L, 2L);
    queues.trim(BIKE, 500);
    queues.trim(OTHER, 498);
    assertEquals(
        2,
        rowsShown(queues, new Scan().addFamily(MessageRow.FAMILY)),
        "a client's scan shows no dead row");
    assertEquals(2, rowsShown(queues, new Scan().addFamily(MessageRow.FAMILY).setReversed(true)));
    queues.flush(BIKE);
    assertEquals(2, entriesInFiles(queues));
    assertEquals(998, queues.statistics(BIKE).getRowsLeftOut());
    queues.trim(OTHER, 500);
    queues.append(BIKE, "y");
    queues.trim(BIKE, 501);
    queues.compact(BIKE);
    queues.flush(BIKE);
    assertEquals(0, entriesInFiles(queues));
    assertEquals("502 502 0 0", queues.bounds(BIKE));
  }

  @Test
  void whatNobodyRemembersIsReadFromTheStateRow() throws Exception {
    TestQueues queues = new TestQueues();
    queues.append(BIKE, bodies(50));
    queues.append(OTHER, bodies(50));
    queues.flush(BIKE);
    queues.trim(BIKE, 40);
    queues.move(BIKE);
    queues.compact(BIKE);
    assertEquals(60, entriesInFiles(queues));
    assertEquals(40, queues.statistics(BIKE).getRowsLeftOut());
    assertEquals(10, queues.texts(BIKE).size());
    assertEquals(50, queues.texts(OTHER).size());
  }

  @ParameterizedTest
  @EnumSource(
      value = MemoryCompactionPolicy.class,
      names = {"NONE", "BASIC", "EAGER"})
  void compactionInMemoryKeepsEveryLiveRow(MemoryCompactionPolicy policy) throws Exception {
    Map<String, String> attributes = new TreeMap<>(RESTRICTED_SPLITS);
    // In memory it compacts every so many bytes of this: often enough for a short test.
    attributes.put("MEMSTORE_FLUSHSIZE", String.valueOf(4 << 20));
    TestQueues queues =
        new TestQueues(messages -> messages.setInMemoryCompaction(policy), attributes);
    int rounds = 150;
    int queueCount = 10;
    long appended = 0;
    for (int round = 1; round <= rounds; round++) {
      TestQueues.Batch batch = queues.batch();
      for (int session = 1; session <= queueCount; session++) {
        AppendEntry[] entries = {
          batch.entry("a".repeat(MESSAGE_BYTES)), batch.entry("b".repeat(MESSAGE_BYTES))
        };
        batch.queue(queue(session), entries);
        appended += entries.length;
      }
      queues.send(BIKE, batch);
      // The first queue keeps all, the others keep session * 2 messages.
      for (int session = 2; session <= queueCount; session++) {
        queues.trim(queue(session), Math.max(0, 2L * (round - session)));
      }
    }
    expectLive(queues, rounds, queueCount);
    long leftOutInMemory = queues.statistics(BIKE).getRowsLeftOut();
    queues.flush(BIKE);
    expectLive(queues, rounds, queueCount);
    long live = 2L * rounds;
    for (int session = 2; session <= queueCount; session++) {
      live += 2L * session;
    }
    System.out.printf(
        "in-memory compaction %s: %d rows appended, %d left out in memory, %d after the flush, %d"
            + " in files (%d live)%n",
        policy,
        appended,
        leftOutInMemory,
        queues.statistics(BIKE).getRowsLeftOut(),
        entriesInFiles(queues),
        live);
    assertEquals(live, entriesInFiles(queues));
    if (policy == MemoryCompactionPolicy.EAGER) {
      assertTrue(leftOutInMemory > 0, "the memory was never compacted");
    }
    queues.move(BIKE);
    expectLive(queues, rounds, queueCount);
  }

  private static void expectLive(TestQueues queues, int rounds, int queueCount) throws Exception {
    assertEquals(2 * rounds, queues.texts(BIKE).size());
    for (int session = 2; session <= queueCount; session++) {
      assertEquals(2 * session, queues.texts(queue(session)).size());
      long first = 2L * (rounds - session) + 1;
      assertEquals(first, queues.read(queue(session), 1, 1, 0).get(0).getSeq());
    }
  }
}
