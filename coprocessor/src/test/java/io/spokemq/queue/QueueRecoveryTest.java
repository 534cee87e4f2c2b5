package io.spokemq.queue;

import static io.spokemq.queue.TestQueues.RESTRICTED_SPLITS;
import static io.spokemq.queue.TestQueues.queue;
import static io.spokemq.queue.TestQueues.quota;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.spokemq.queue.protocol.QueueProtocol.AppendStatus;
import io.spokemq.queue.protocol.QueueProtocol.QuotaPolicy;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.hadoop.hbase.Cell;
import org.apache.hadoop.hbase.PrivateCellUtil;
import org.apache.hadoop.hbase.Tag;
import org.apache.hadoop.hbase.TagType;
import org.apache.hadoop.hbase.client.Get;
import org.apache.hadoop.hbase.client.RegionInfo;
import org.apache.hadoop.hbase.client.Result;
import org.apache.hadoop.hbase.client.ResultScanner;
import org.apache.hadoop.hbase.client.Scan;
import org.apache.hadoop.hbase.regionserver.RegionScanner;
import org.junit.jupiter.api.Test;

/**
 * What a queue is does not depend on who remembers it: regions are closed, moved, killed and split
 * under the queues.
 */
class QueueRecoveryTest {
  private static final byte[] PLAIN = queue(1);
  private static final byte[] TRIMMED = queue(2);
  private static final byte[] EMPTIED = queue(3);
  private static final byte[] HOLED = queue(4);
  private static final byte[] DROPPED = queue(5);
  private static final byte[] REUSED = queue(6);
  private static final byte[] EVICTED = queue(7);
  private static final byte[] QUOTA_ONLY = queue(8);

  /** A disturbance between two looks at the same queues. */
  private interface Disturbance {
    void strike(TestQueues queues) throws Exception;
  }

  private static void fill(TestQueues queues) throws Exception {
    queues.append(PLAIN, "a", "bb");
    queues.append(PLAIN, "ccc");
    queues.mark(PLAIN, 2L);
    queues.append(TRIMMED, "a", "bb", "ccc");
    queues.trim(TRIMMED, 1);
    queues.append(TRIMMED, "d");
    queues.append(EMPTIED, "a", "b");
    queues.trim(EMPTIED, 2);
    queues.append(HOLED, "a");
    queues.appendExpiring(HOLED, "bb", TestQueues.NOW_MS);
    queues.append(HOLED, "ccc");
    queues.sweep(HOLED, TestQueues.NOW_MS + 1);
    queues.append(DROPPED, "a");
    queues.drop(DROPPED);
    queues.append(REUSED, "a", "b");
    queues.drop(REUSED);
    queues.append(REUSED, "c");
    queues.setQuota(EVICTED, quota(2, 100, QuotaPolicy.DROP_OLDEST));
    queues.append(EVICTED, "a", "b", "c");
    queues.setQuota(QUOTA_ONLY, quota(1, 100, QuotaPolicy.REJECT));
  }

  private static void expect(TestQueues queues) throws Exception {
    assertEquals(List.of("1=a", "2=bb*", "3=ccc"), queues.texts(PLAIN));
    assertEquals("1 4 3 6", queues.bounds(PLAIN));
    assertEquals(List.of("2=bb", "3=ccc", "4=d"), queues.texts(TRIMMED));
    assertEquals("2 5 3 6", queues.bounds(TRIMMED));
    assertEquals("3 3 0 0", queues.bounds(EMPTIED));
    assertEquals(List.of("1=a", "3=ccc"), queues.texts(HOLED));
    assertEquals("1 4 2 4", queues.bounds(HOLED));
    assertEquals("1 1 0 0", queues.bounds(DROPPED));
    assertEquals(List.of("1=c"), queues.texts(REUSED));
    assertEquals("1 2 1 1", queues.bounds(REUSED));
    assertEquals(List.of("2=b", "3=c"), queues.texts(EVICTED));
    assertEquals("2 4 2 2", queues.bounds(EVICTED));
    assertEquals("1 1 0 0", queues.bounds(QUOTA_ONLY));
  }

  /** Everything goes on where it was, repeats are known, quotas count. */
  private static void expectToGoOn(TestQueues queues, TestQueues.Batch repeated) throws Exception {
    assertEquals(AppendStatus.REPEAT, queues.send(PLAIN, repeated).get(0).getStatus(0));
    assertEquals(List.of(5L), queues.append(PLAIN, "e").getSeqList());
    assertEquals(List.of(3L), queues.append(EMPTIED, "c").getSeqList());
    assertEquals(List.of(4L), queues.append(HOLED, "d").getSeqList());
    assertEquals(List.of(1L), queues.append(DROPPED, "b").getSeqList());
    assertEquals(List.of(2L), queues.append(REUSED, "d").getSeqList());
    assertEquals(List.of(1), queues.append(EVICTED, "d").getEvictedList());
    assertEquals(AppendStatus.REJECTED, queues.append(QUOTA_ONLY, "a", "b").getStatus(1));
    queues.trim(HOLED, 1);
    assertEquals("3 5 2 4", queues.bounds(HOLED));
  }

  private static void survive(Disturbance disturbance) throws Exception {
    TestQueues queues = new TestQueues();
    fill(queues);
    expect(queues);
    disturbance.strike(queues);
    expect(queues);
    TestQueues.Batch batch = new TestQueues.Batch(TestQueues.GENEROUS, "broker#2");
    batch.queue(PLAIN, batch.entry("d"));
    queues.send(PLAIN, batch);
    disturbance.strike(queues);
    expectToGoOn(queues, batch);
  }

  @Test
  void survivesFlushes() throws Exception {
    survive(queues -> queues.flush(PLAIN));
  }

  @Test
  void survivesCloseAndOpenElsewhere() throws Exception {
    survive(queues -> queues.move(PLAIN));
  }

  @Test
  void survivesMajorCompactionAndMove() throws Exception {
    survive(
        queues -> {
          queues.compact(PLAIN);
          queues.move(PLAIN);
        });
  }

  @Test
  void survivesItsServersDeath() throws Exception {
    survive(queues -> queues.kill(PLAIN));
  }

  @Test
  void survivesItsServersDeathAfterAFlush() throws Exception {
    TestQueues queues = new TestQueues();
    fill(queues);
    queues.flush(PLAIN);
    queues.append(PLAIN, "d");
    queues.trim(PLAIN, 2);
    queues.kill(PLAIN);
    assertEquals(List.of("3=ccc", "4=d"), queues.texts(PLAIN));
    assertEquals("3 5 2 4", queues.bounds(PLAIN));
  }

  @Test
  void survivesASplitAndTheDaughtersHoldWholeQueues() throws Exception {
    TestQueues queues = new TestQueues();
    fill(queues);
    // The restriction moves even an explicit split point from inside a queue to the first 8 bytes
    // of its key.
    queues.split(PLAIN, QueueKey.parse(TRIMMED, "").messageRow(2));
    expect(queues);
    List<RegionInfo> regions = queues.cluster.admin().getRegions(queues.name);
    assertEquals(2, regions.size());
    assertTrue(
        regions.stream().anyMatch(region -> region.getStartKey().length == Long.BYTES),
        regions.toString());
    queues.compact(PLAIN);
    queues.compact(TRIMMED);
    expect(queues);
  }

  @Test
  void aRegionThatEndsInsideAQueueSaysSo() throws Exception {
    TestQueues queues = new TestQueues(messages -> {}, Map.of());
    queues.append(PLAIN, "a", "b", "c");
    queues.append(TRIMMED, "x");
    queues.split(PLAIN, QueueKey.parse(PLAIN, "").messageRow(2));
    Throwable thrown = TestQueues.causeOf(assertThrows(Exception.class, () -> queues.texts(PLAIN)));
    assertInstanceOf(InvalidQueueRequestException.class, thrown);
    assertTrue(
        thrown.getMessage().contains("ends inside queue default/1/pending"), thrown.getMessage());
    assertEquals(List.of("1=x"), queues.texts(TRIMMED));
  }

  @Test
  void theLastMessageMayGoByItsTimeToLiveWithoutItsPosition() throws Exception {
    TestQueues queues = new TestQueues();
    TestQueues.Batch batch = queues.batch();
    batch.queue(PLAIN, batch.entry("a"), batch.timed("b", null, 300L));
    queues.send(PLAIN, batch);
    awaitRows(queues, 1);
    queues.move(PLAIN);
    assertEquals(AppendStatus.REPEAT, queues.send(PLAIN, batch).get(0).getStatus(1));
    assertEquals(List.of(3L), queues.append(PLAIN, "c").getSeqList());
  }

  @Test
  void positionsThatMessagesMayHaveTakenWithThemAreSkipped() throws Exception {
    TestQueues queues = new TestQueues(messages -> messages.setTimeToLive(1), RESTRICTED_SPLITS);
    queues.append(PLAIN, "a", "b");
    queues.append(DROPPED, "a");
    queues.drop(DROPPED);
    awaitRows(queues, 0);
    queues.move(PLAIN);
    assertEquals(List.of(3 + QueueRows.POSITIONS_SKIPPED), queues.append(PLAIN, "c").getSeqList());
    assertEquals(List.of(1L), queues.append(DROPPED, "b").getSeqList());
    Result row = queues.table.get(new Get(PLAIN).addFamily(StateRow.FAMILY));
    QueueState written = StateRow.decode(row.listCells());
    assertEquals(3 + QueueRows.POSITIONS_SKIPPED, written.first, "or the gap would count");
  }

  @Test
  void messagesThatWentByTheirTimeToLiveCountNoMoreAfterAMove() throws Exception {
    TestQueues queues = new TestQueues();
    TestQueues.Batch all = queues.batch();
    queues.send(PLAIN, all.queue(PLAIN, all.timed("a", null, 300L), all.timed("b", null, 300L)));
    TestQueues.Batch head = queues.batch();
    head.queue(TRIMMED, head.timed("a", null, 300L), head.entry("bb"));
    queues.send(TRIMMED, head);
    TestQueues.Batch tail = queues.batch();
    tail.queue(HOLED, tail.entry("a"), tail.timed("bb", null, 300L));
    queues.send(HOLED, tail);
    awaitRows(queues, 2);
    queues.move(PLAIN);
    assertEquals("3 3 0 0", queues.bounds(PLAIN));
    assertEquals("2 3 1 2", queues.bounds(TRIMMED));
    assertEquals("1 3 1 1", queues.bounds(HOLED));
    assertEquals(List.of(3L), queues.append(PLAIN, "c").getSeqList());
    assertEquals("3 4 1 1", queues.bounds(PLAIN));
  }

  @Test
  void theStateOfADroppedQueueOutlivesItsMessagesByADay() throws Exception {
    TestQueues queues = new TestQueues(messages -> messages.setTimeToLive(1000), RESTRICTED_SPLITS);
    queues.append(PLAIN, "a");
    assertEquals(-1, stateTtlMs(queues));
    queues.drop(PLAIN);
    assertEquals(1_000_000 + 24 * 60 * 60 * 1000, stateTtlMs(queues));
    queues.append(PLAIN, "a");
    assertEquals(-1, stateTtlMs(queues), "the queue lives again");
  }

  private static long stateTtlMs(TestQueues queues) throws Exception {
    List<Cell> cells = new ArrayList<>();
    try (RegionScanner scanner =
        queues.openRegion(PLAIN).getScanner(new Scan().addFamily(StateRow.FAMILY))) {
      scanner.next(cells);
    }
    assertEquals(1, cells.size());
    return PrivateCellUtil.getTag(cells.get(0), TagType.TTL_TAG_TYPE)
        .map(Tag::getValueAsLong)
        .orElse(-1L);
  }

  private static void awaitRows(TestQueues queues, int expected) throws Exception {
    for (int rows = -1; rows != expected; Thread.sleep(50)) {
      rows = 0;
      try (ResultScanner scanner = queues.table.getScanner(MessageRow.FAMILY)) {
        while (scanner.next() != null) {
          rows++;
        }
      }
    }
  }
}
