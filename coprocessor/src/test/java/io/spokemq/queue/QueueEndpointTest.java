package io.spokemq.queue;

import static io.spokemq.queue.TestQueues.queue;
import static io.spokemq.queue.TestQueues.quota;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import io.spokemq.queue.protocol.QueueProtocol.AppendEntry;
import io.spokemq.queue.protocol.QueueProtocol.AppendStatus;
import io.spokemq.queue.protocol.QueueProtocol.ListRequest;
import io.spokemq.queue.protocol.QueueProtocol.ListResponse;
import io.spokemq.queue.protocol.QueueProtocol.QueueAppendResult;
import io.spokemq.queue.protocol.QueueProtocol.QuotaPolicy;
import io.spokemq.queue.protocol.QueueProtocol.StatisticsResponse;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.apache.hadoop.hbase.client.Get;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * What each call promises, over a connection to a real region. Every test has queues of its own in
 * one table.
 */
class QueueEndpointTest {
  private static TestQueues queues;
  private static long sessions;

  private final byte[] bike = queue(++sessions);
  private final byte[] other = queue(++sessions);

  @BeforeAll
  static void create() throws Exception {
    queues = new TestQueues();
  }

  @Test
  void positionsAreConsecutiveFromOnePerQueue() throws Exception {
    TestQueues.Batch batch = queues.batch();
    batch.queue(bike, batch.entry("a"), batch.entry("b")).queue(other, batch.entry("x"));
    List<QueueAppendResult> results = queues.send(bike, batch);
    assertEquals(List.of(1L, 2L), results.get(0).getSeqList());
    assertEquals(List.of(1L), results.get(1).getSeqList());
    assertEquals(List.of(AppendStatus.STORED, AppendStatus.STORED), results.get(0).getStatusList());
    assertEquals(0, results.get(0).getEvictedCount());
    assertEquals(List.of(3L), queues.append(bike, "c").getSeqList());
    assertEquals(List.of("1=a", "2=b", "3=c"), queues.texts(bike));
  }

  @Test
  void deliveryAndBodyComeBackInOnePiece() throws Exception {
    TestQueues.Batch batch = queues.batch();
    AppendEntry entry =
        batch.entry("body").toBuilder()
            .setDelivery(ByteString.copyFromUtf8("delivery|"))
            .setExpiresAtMs(Long.MAX_VALUE - 1)
            .build();
    queues.send(bike, batch.queue(bike, entry));
    assertEquals(List.of("1=delivery|body"), queues.texts(bike));
  }

  @Test
  void readsKeepBothLimitsAndReturnAtLeastOne() throws Exception {
    queues.append(bike, "a", "bb", "ccc");
    assertEquals(2, queues.read(bike, 1, 2, 1000).size());
    assertEquals(2, queues.read(bike, 1, 10, 3).size());
    assertEquals(1, queues.read(bike, 1, 10, 2).size());
    assertEquals("ccc", queues.read(bike, 3, 10, 0).get(0).getValue().toStringUtf8());
    assertEquals(0, queues.read(bike, 4).size());
  }

  @Test
  void aRepeatedAppendChangesNothingAndSaysWhereTheProducerWas() throws Exception {
    TestQueues.Batch batch = queues.batch();
    batch.queue(bike, batch.entry("a"), batch.entry("b"));
    queues.send(bike, batch);
    QueueAppendResult again = queues.send(bike, batch).get(0);
    assertEquals(List.of(AppendStatus.REPEAT, AppendStatus.REPEAT), again.getStatusList());
    assertEquals(List.of(2L, 2L), again.getSeqList());
    queues.trim(bike, 2);
    assertEquals(List.of(2L, 2L), queues.send(bike, batch).get(0).getSeqList());
    assertEquals(List.of(), queues.texts(bike));
  }

  @Test
  void theMostRecentProducersAreRemembered() throws Exception {
    for (int producer = 0; producer <= ProducerWindow.PRODUCERS_REMEMBERED; producer++) {
      assertEquals(AppendStatus.STORED, appendAs("p" + producer).getStatus(0));
    }
    assertEquals(AppendStatus.REPEAT, appendAs("p1").getStatus(0));
    assertEquals(AppendStatus.STORED, appendAs("p0").getStatus(0));
    assertEquals(AppendStatus.STORED, appendAs("p1").getStatus(0));
    assertEquals(AppendStatus.REPEAT, appendAs("p3").getStatus(0));
  }

  private QueueAppendResult appendAs(String producer) throws Exception {
    TestQueues.Batch batch = new TestQueues.Batch(TestQueues.GENEROUS, producer);
    return queues.send(bike, batch.queue(bike, batch.entry("x", 1, null, null))).get(0);
  }

  @Test
  void trimRemovesAPrefixOnce() throws Exception {
    queues.append(bike, "a", "bb", "ccc");
    queues.trim(bike, 2);
    queues.trim(bike, 2);
    queues.trim(bike, 1);
    assertEquals(List.of("3=ccc"), queues.texts(bike));
    assertEquals("3 4 1 3", queues.bounds(bike));
    queues.trim(bike, Long.MAX_VALUE);
    assertEquals("4 4 0 0", queues.bounds(bike));
    assertEquals(List.of(4L), queues.append(bike, "d").getSeqList());
  }

  @Test
  void aQueueThatWasNeverUsedHasBoundsAndNothingElse() throws Exception {
    queues.trim(bike, 5);
    queues.mark(bike, 1L);
    queues.drop(bike);
    assertEquals("1 1 0 0", queues.bounds(bike));
    assertEquals(List.of(), queues.texts(bike));
    assertEquals(0, queues.table.get(new Get(bike)).size(), "no row was written");
  }

  @Test
  void marksStickToPositionsThatArePresent() throws Exception {
    queues.append(bike, "a", "b", "c");
    queues.trim(bike, 1);
    queues.mark(bike, 1L, 3L, 99L, 0L, 3L);
    assertEquals(List.of("2=b", "3=c*"), queues.texts(bike));
  }

  @Test
  void aDroppedQueueStartsAtOneWithoutProducersAndQuota() throws Exception {
    queues.setQuota(bike, quota(1, 1000, QuotaPolicy.REJECT));
    TestQueues.Batch batch = queues.batch();
    batch.queue(bike, batch.entry("a"));
    queues.send(bike, batch);
    queues.mark(bike, 1L);
    queues.drop(bike);
    queues.drop(bike);
    assertEquals("1 1 0 0", queues.bounds(bike));
    assertEquals(List.of(), queues.texts(bike));
    assertEquals(List.of(1L), queues.send(bike, batch).get(0).getSeqList());
    assertEquals(List.of(2L), queues.append(bike, "b").getSeqList());
    assertEquals(List.of("1=a", "2=b"), queues.texts(bike));
    queues.trim(bike, 1);
    assertEquals("2 3 1 1", queues.bounds(bike));
  }

  @Test
  void aQuotaSetBeforeTheFirstMessageCounts() throws Exception {
    queues.setQuota(bike, quota(2, 1000, QuotaPolicy.REJECT));
    QueueAppendResult result = queues.append(bike, "a", "b", "c");
    assertEquals(AppendStatus.REJECTED, result.getStatus(2));
    assertEquals(List.of(1L, 2L, 0L), result.getSeqList());
    queues.setQuota(bike, null);
    assertEquals(List.of(3L), queues.append(bike, "c").getSeqList());
  }

  @Test
  void aRefusedMessageMayBeOfferedAgain() throws Exception {
    queues.setQuota(bike, quota(1, 1000, QuotaPolicy.REJECT));
    queues.append(bike, "a");
    TestQueues.Batch refused = queues.batch();
    refused.queue(bike, refused.entry("b"));
    assertEquals(AppendStatus.REJECTED, queues.send(bike, refused).get(0).getStatus(0));
    queues.trim(bike, 1);
    assertEquals(List.of(2L), queues.send(bike, refused).get(0).getSeqList());
  }

  @Test
  void aQueueThatMustNotGrowRefusesOrGivesUpItsOldest() throws Exception {
    queues.append(bike, "a", "bb", "c");
    assertEquals(List.of(AppendStatus.REJECTED), appendWithoutGrowth(bike, "d").getStatusList());
    queues.setQuota(bike, quota(10, 1000, QuotaPolicy.DROP_OLDEST));
    QueueAppendResult result = appendWithoutGrowth(bike, "d", "eee", "too large");
    assertEquals(List.of(1, 2, 0), result.getEvictedList());
    assertEquals(AppendStatus.DROPPED, result.getStatus(2));
    assertEquals(List.of("4=d", "5=eee"), queues.texts(bike));
    queues.setQuota(other, quota(10, 1000, QuotaPolicy.DROP_OLDEST));
    assertEquals(List.of(AppendStatus.DROPPED), appendWithoutGrowth(other, "x").getStatusList());
    assertEquals(List.of(6L), queues.append(bike, "f").getSeqList());
  }

  private static QueueAppendResult appendWithoutGrowth(byte[] queue, String... bodies)
      throws Exception {
    TestQueues.Batch batch = queues.batch();
    AppendEntry[] entries = new AppendEntry[bodies.length];
    for (int index = 0; index < bodies.length; index++) {
      entries[index] = batch.entry(bodies[index]).toBuilder().setNoGrowth(true).build();
    }
    return queues.send(queue, batch.queue(queue, entries)).get(0);
  }

  @Test
  void dropNewestStoresNothing() throws Exception {
    queues.setQuota(bike, quota(10, 2, QuotaPolicy.DROP_NEWEST));
    assertEquals(
        List.of(AppendStatus.STORED, AppendStatus.STORED, AppendStatus.DROPPED),
        queues.append(bike, "a", "b", "c").getStatusList());
  }

  @Test
  void dropOldestMakesRoomAtRestAndWithinOneCall() throws Exception {
    queues.setQuota(bike, quota(3, 4, QuotaPolicy.DROP_OLDEST));
    queues.append(bike, "a", "b");
    QueueAppendResult result = queues.append(bike, "c", "d", "eee", "ffff", "too large");
    assertEquals(List.of(0, 1, 2, 2, 0), result.getEvictedList());
    assertEquals(AppendStatus.DROPPED, result.getStatus(4));
    assertEquals(List.of("6=ffff"), queues.texts(bike));
    assertEquals("6 7 1 4", queues.bounds(bike));
    queues.setQuota(bike, quota(1, 1000, QuotaPolicy.DROP_OLDEST));
    assertEquals(List.of(1, 1, 1), queues.append(bike, "g", "h", "i").getEvictedList());
    assertEquals(List.of("9=i"), queues.texts(bike));
  }

  @Test
  void aHeldQueueRejectsWhateverItsPolicy() throws Exception {
    byte[] held = queue(sessions, QueueKey.HELD);
    queues.setQuota(held, quota(1, 1000, QuotaPolicy.DROP_OLDEST));
    assertEquals(
        List.of(AppendStatus.STORED, AppendStatus.REJECTED),
        queues.append(held, "a", "b").getStatusList());
  }

  @Test
  void listNamesEveryQueueThatHoldsAMessageInPages() throws Exception {
    Set<ByteString> expected = new HashSet<>();
    TestQueues.Batch batch = queues.batch();
    for (int session = 100_000; session < 100_050; session++) {
      batch.queue(queue(session), batch.entry("x"));
      expected.add(ByteString.copyFrom(queue(session)));
    }
    queues.send(bike, batch);
    queues.trim(queue(100_007), 1);
    expected.remove(ByteString.copyFrom(queue(100_007)));
    List<ByteString> listed = new ArrayList<>();
    ListResponse page = null;
    do {
      ListRequest.Builder request = ListRequest.newBuilder().setQueuesMax(7);
      page =
          queues
              .service(bike)
              .list(null, (page == null ? request : request.setAfter(page.getLast())).build());
      assertTrue(page.getBoundsCount() <= 7);
      page.getBoundsList().forEach(bounds -> listed.add(bounds.getQueue()));
    } while (page.hasLast());
    assertEquals(listed.size(), new HashSet<>(listed).size(), "no queue twice");
    listed.retainAll(expected);
    assertEquals(expected, new HashSet<>(listed));
  }

  @Test
  void statisticsCount() throws Exception {
    StatisticsResponse before = queues.statistics(bike);
    assertEquals(1, before.getContract());
    assertTrue(before.getVersion().matches("\\d+\\.\\d+\\.\\d+"), before.getVersion());
    queues.append(bike, "a", "bb");
    queues.trim(bike, 1);
    StatisticsResponse after = queues.statistics(bike);
    assertEquals(1, after.getAppendCalls() - before.getAppendCalls());
    assertEquals(2, after.getMessagesAppended() - before.getMessagesAppended());
    assertEquals(3, after.getBytesAppended() - before.getBytesAppended());
    assertEquals(1, after.getMessagesTrimmed() - before.getMessagesTrimmed());
    assertTrue(after.getQueuesCached() > 0);
  }
}
