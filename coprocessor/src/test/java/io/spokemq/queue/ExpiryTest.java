package io.spokemq.queue;

import static io.spokemq.queue.TestQueues.NOW_MS;
import static io.spokemq.queue.TestQueues.queue;
import static io.spokemq.queue.TestQueues.quota;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.spokemq.queue.protocol.QueueProtocol.AppendEntry;
import io.spokemq.queue.protocol.QueueProtocol.AppendStatus;
import io.spokemq.queue.protocol.QueueProtocol.QuotaPolicy;
import io.spokemq.queue.protocol.QueueProtocol.SweepRequest;
import io.spokemq.queue.protocol.QueueProtocol.SweepResponse;
import java.util.ArrayList;
import java.util.List;
import org.apache.hadoop.hbase.Cell;
import org.apache.hadoop.hbase.PrivateCellUtil;
import org.apache.hadoop.hbase.Tag;
import org.apache.hadoop.hbase.TagType;
import org.apache.hadoop.hbase.client.Scan;
import org.apache.hadoop.hbase.regionserver.RegionScanner;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Messages that expire: by sweeping, from head and middle, and by the time to live of their cells.
 */
class ExpiryTest {
  private final byte[] bike = queue(1);
  private final byte[] other = queue(2);
  private TestQueues queues;

  @BeforeEach
  void create() throws Exception {
    queues = new TestQueues();
  }

  /** `soon` messages expire at NOW_MS + 10, others never. */
  private void append(byte[] queue, boolean... soon) throws Exception {
    TestQueues.Batch batch = queues.batch();
    AppendEntry[] entries = new AppendEntry[soon.length];
    for (int index = 0; index < soon.length; index++) {
      entries[index] = batch.timed("m", soon[index] ? NOW_MS + 10 : null, null);
    }
    queues.send(queue, batch.queue(queue, entries));
  }

  private long sweep(long nowMs) throws Exception {
    SweepResponse response = queues.sweep(bike, nowMs);
    assertTrue(response.getDone());
    return response.getRemoved();
  }

  @Test
  void headAndMiddleGoAndTheOthersKeepTheirPositions() throws Exception {
    append(bike, true, false, true, true, false, true);
    append(other, true);
    assertEquals(0, sweep(NOW_MS + 10), "expires at is the last moment of a message");
    assertEquals(5, sweep(NOW_MS + 11));
    assertEquals(List.of("2=m", "5=m"), queues.texts(bike));
    assertEquals("2 7 2 2", queues.bounds(bike));
    assertEquals("2 2 0 0", queues.bounds(other));
    assertEquals(0, sweep(NOW_MS + 1000));
    assertEquals(List.of(7L), queues.append(bike, "new").getSeqList());
    assertEquals(5, queues.statistics(bike).getMessagesExpired());
  }

  @Test
  void trimsMoveOverHolesToAMessage() throws Exception {
    append(bike, false, true, true, false, true, false);
    sweep(NOW_MS + 11);
    assertEquals("1 7 3 3", queues.bounds(bike));
    queues.trim(bike, 1);
    assertEquals("4 7 2 2", queues.bounds(bike));
    queues.trim(bike, 2);
    assertEquals("4 7 2 2", queues.bounds(bike));
    queues.trim(bike, 5);
    assertEquals("6 7 1 1", queues.bounds(bike));
    queues.trim(bike, 6);
    assertEquals("7 7 0 0", queues.bounds(bike));
  }

  @Test
  void evictionStepsOverHoles() throws Exception {
    append(bike, false, true, false, false);
    sweep(NOW_MS + 11);
    queues.setQuota(bike, quota(3, 100, QuotaPolicy.DROP_OLDEST));
    assertEquals(List.of(1), queues.append(bike, "e").getEvictedList());
    assertEquals("3 6 3 3", queues.bounds(bike));
  }

  @Test
  void aLongQueueIsSweptInChunks() throws Exception {
    int messages = 2 * ExpiredMessages.ROWS_PER_CHUNK + 2000;
    boolean[] soon = new boolean[1000];
    for (int index = 0; index < soon.length; index++) {
      soon[index] = index % 3 != 2;
    }
    for (int sent = 0; sent < messages; sent += soon.length) {
      append(bike, soon);
    }
    int kept = messages / soon.length * (soon.length / 3);
    SweepRequest.Builder request = SweepRequest.newBuilder().setNowMs(NOW_MS + 11).setBudgetMs(1);
    long removed = 0;
    int calls = 0;
    for (boolean done = false; !done; calls++) {
      SweepResponse response = queues.service(bike).sweep(null, request.build());
      removed += response.getRemoved();
      done = response.getDone();
      // A call may be too short for one step of a slow machine: the next has twice the time.
      request.setBudgetMs(Math.min(Sweeper.BUDGET_MS_MAX, 2 * request.getBudgetMs()));
    }
    assertTrue(calls > 1, "a budget of 1 ms was enough");
    assertEquals(messages - kept, removed);
    assertEquals("3 " + (messages + 1) + " " + kept + " " + kept, queues.bounds(bike));
    assertEquals(kept, queues.read(bike, 1).size());
  }

  @Test
  void aRegionThatWasOpenedLearnsWhatExpires() throws Exception {
    append(bike, false, true);
    append(other, true, false);
    queues.move(bike);
    assertEquals(2, sweep(NOW_MS + 11));
    assertEquals("1 3 1 1", queues.bounds(bike));
    queues.move(bike);
    assertEquals("1 3 1 1", queues.bounds(bike));
    assertEquals("2 3 1 1", queues.bounds(other));
  }

  @Test
  void whatWasTrimmedOrDroppedIsNotCounted() throws Exception {
    append(bike, true, true);
    append(other, true);
    queues.trim(bike, 1);
    queues.drop(other);
    assertEquals(1, sweep(NOW_MS + 11));
  }

  @Test
  void anAppendToAFullQueueSweepsItFirst() throws Exception {
    queues.setQuota(bike, quota(3, 100, QuotaPolicy.REJECT));
    append(bike, true, false, true);
    assertEquals(AppendStatus.REJECTED, queues.append(bike, "early").getStatus(0));
    TestQueues.Batch late = queues.batch();
    late.queue(bike, late.entry("x"), late.entry("y"), late.entry("z"));
    late.request.setNowMs(NOW_MS + 11);
    assertEquals(
        List.of(AppendStatus.STORED, AppendStatus.STORED, AppendStatus.REJECTED),
        queues.send(bike, late).get(0).getStatusList());
    assertEquals(List.of("2=m", "4=x", "5=y"), queues.texts(bike));
    queues.move(bike);
    queues.setQuota(other, quota(1, 100, QuotaPolicy.REJECT));
    append(other, true);
    queues.move(bike);
    TestQueues.Batch afterMove = queues.batch();
    afterMove.queue(other, afterMove.entry("x"));
    afterMove.request.setNowMs(NOW_MS + 11);
    assertEquals(
        List.of(2L),
        queues.send(bike, afterMove).get(0).getSeqList(),
        "an index that has not learned yet asks the queue");
  }

  @Test
  void theTimeToLiveReachesTheCell() throws Exception {
    TestQueues.Batch batch = queues.batch();
    batch.queue(bike, batch.timed("a", NOW_MS, 123_456_789L), batch.entry("b"));
    queues.send(bike, batch);
    queues.mark(bike, 1L);
    List<Long> ttls = new ArrayList<>();
    try (RegionScanner scanner =
        queues.openRegion(bike).getScanner(new Scan().addFamily(MessageRow.FAMILY))) {
      List<Cell> cells = new ArrayList<>();
      while (scanner.next(cells) || !cells.isEmpty()) {
        cells.forEach(
            cell ->
                ttls.add(
                    PrivateCellUtil.getTag(cell, TagType.TTL_TAG_TYPE)
                        .map(Tag::getValueAsLong)
                        .orElse(-1L)));
        cells.clear();
      }
    }
    assertEquals(
        List.of(123_456_789L, 123_456_789L, -1L),
        ttls,
        "mark and message of the first, message of the second");
  }

  @Test
  void rowsThatWentByThemselvesAndExpiredOnesInOneSweep() throws Exception {
    TestQueues.Batch batch = queues.batch();
    batch.queue(
        bike,
        batch.entry("a"),
        batch.timed("b", null, 200L),
        batch.timed("cc", NOW_MS, null),
        batch.entry("d"));
    queues.send(bike, batch);
    while (queues.texts(bike).size() > 3) {
      Thread.sleep(20);
    }
    assertEquals(2, sweep(System.currentTimeMillis() + 1000));
    assertEquals("1 5 2 2", queues.bounds(bike));
    assertEquals(List.of("1=a", "4=d"), queues.texts(bike));
  }

  @Test
  void rowsThatWentByThemselvesAreNoticed() throws Exception {
    TestQueues.Batch batch = queues.batch();
    batch.queue(
        bike,
        batch.timed("a", null, 200L),
        batch.entry("b"),
        batch.timed("cc", null, 200L),
        batch.entry("d"));
    queues.send(bike, batch);
    queues.append(other, "stays");
    while (queues.texts(bike).size() > 2) {
      Thread.sleep(20);
    }
    assertEquals("1 5 4 5", queues.bounds(bike), "nobody has looked yet");
    assertEquals(2, sweep(System.currentTimeMillis() + 1000));
    assertEquals("2 5 2 2", queues.bounds(bike));
    queues.trim(bike, 2);
    assertEquals("4 5 1 1", queues.bounds(bike));
    assertEquals("1 2 1 5", queues.bounds(other));
    assertFalse(queues.texts(bike).isEmpty());
  }
}
