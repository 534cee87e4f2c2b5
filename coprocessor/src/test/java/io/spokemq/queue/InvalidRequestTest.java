package io.spokemq.queue;

import static io.spokemq.queue.TestQueues.queue;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.spokemq.queue.protocol.QueueProtocol.AppendEntry;
import io.spokemq.queue.protocol.QueueProtocol.AppendRequest;
import io.spokemq.queue.protocol.QueueProtocol.BoundsRequest;
import io.spokemq.queue.protocol.QueueProtocol.ListRequest;
import io.spokemq.queue.protocol.QueueProtocol.QueueAppend;
import io.spokemq.queue.protocol.QueueProtocol.QuotaPolicy;
import io.spokemq.queue.protocol.QueueProtocol.SweepRequest;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** Bad requests get an error of their own type that names the field, and change nothing. */
class InvalidRequestTest {
  private static final byte[] BIKE = queue(1);
  private static TestQueues queues;

  @BeforeAll
  static void create() throws Exception {
    queues = new TestQueues();
  }

  private static void expectRefused(String inMessage, Executable call) {
    Throwable error = TestQueues.causeOf(assertThrows(Exception.class, call));
    assertInstanceOf(InvalidQueueRequestException.class, error);
    assertTrue(error.getMessage().contains(inMessage), error.getMessage());
  }

  private static void expectEntryRefused(String inMessage, Consumer<AppendEntry.Builder> change) {
    TestQueues.Batch batch = queues.batch();
    AppendEntry.Builder entry = batch.entry("body").toBuilder();
    change.accept(entry);
    expectRefused(inMessage, () -> queues.send(BIKE, batch.queue(BIKE, entry.build())));
  }

  @Test
  void keysThatAreNone() {
    String session = "\0\0\0\0\0\0\0\1";
    Map<String, String> keys =
        Map.of(
            "empty", "",
            "too short", "\0\0\0_a_\1",
            "no first separator", session + "-acme_\1",
            "no tenant", session + "__\1",
            "no second separator", session + "_acme\1",
            "no kind", session + "_acme_",
            "other kind", session + "_acme_\3",
            "tenant of other characters", session + "_ac/me_\1",
            "tenant of 65", session + "_" + "a".repeat(65) + "_\1",
            "a message's row", session + "_acme_\1\0\0\0\0\0\0\0\1");
    keys.forEach(
        (what, key) ->
            expectRefused(
                "[0] of queue: ",
                () ->
                    queues
                        .service(BIKE)
                        .bounds(
                            null,
                            BoundsRequest.newBuilder()
                                .addQueue(
                                    ByteString.copyFrom(key.getBytes(StandardCharsets.ISO_8859_1)))
                                .build())));
  }

  @Test
  void aTenantMayHaveSeparatorsAndSixtyFourCharacters() throws Exception {
    for (String tenant : new String[] {"_", "a__b_", "A-z.0_9", "a".repeat(64)}) {
      byte[] key = ("\0\0\0\0\0\0\0\2_" + tenant + "_\1").getBytes(StandardCharsets.ISO_8859_1);
      assertEquals("1 1 0 0", queues.bounds(key));
      assertEquals(1L, queues.append(key, "x").getSeq(0));
    }
  }

  @Test
  void aQueueOfAnotherRegion() throws Exception {
    TestQueues split = new TestQueues();
    split.split(BIKE, new byte[] {64});
    expectRefused(
        "[0] of append: queue default/1/pending is not in region",
        () -> {
          TestQueues.Batch batch = split.batch();
          split.send(queue(4), batch.queue(BIKE, batch.entry("x")));
        });
    assertEquals("1 1 0 0", split.bounds(BIKE));
  }

  @Test
  void entriesThatSayWhatCannotBe() throws Exception {
    expectEntryRefused("append[0].entry[0]: producer 1 of 1", entry -> entry.setProducer(1));
    expectEntryRefused("body 4294967295 of 1", entry -> entry.setBody(-1));
    expectEntryRefused("append[0].entry[0]: size 5, but", entry -> entry.setSize(5));
    expectEntryRefused("size 4294967295", entry -> entry.setSize(-1));
    expectEntryRefused("append[0].entry[0]: sequence", entry -> entry.setSequence(-1));
    expectEntryRefused("ttl_ms 0", entry -> entry.setTtlMs(0));
    expectEntryRefused("expires_at_ms", entry -> entry.setExpiresAtMs(-5));
    assertEquals("1 1 0 0", queues.bounds(BIKE));
  }

  @Test
  void callsThatAskForNothing() {
    expectRefused("append: empty", () -> queues.send(BIKE, queues.batch()));
    expectRefused("append[0].entry: empty", () -> queues.send(BIKE, queues.batch().queue(BIKE)));
    expectRefused("messages_max 0", () -> queues.read(BIKE, 1, 0, 10));
    expectRefused(
        "queues_max",
        () -> queues.service(BIKE).list(null, ListRequest.newBuilder().setQueuesMax(0).build()));
    expectRefused(
        "budget_ms 0",
        () ->
            queues
                .service(BIKE)
                .sweep(null, SweepRequest.newBuilder().setNowMs(1).setBudgetMs(0).build()));
  }

  @Test
  void aQueueTwiceInOneAppend() {
    TestQueues.Batch batch = queues.batch();
    batch.queue(BIKE, batch.entry("a")).queue(BIKE, batch.entry("b"));
    expectRefused(
        "append[1]: queue default/1/pending occurs twice", () -> queues.send(BIKE, batch));
  }

  @Test
  void quotasAndProducersBeyondTheirBounds() {
    expectRefused(
        "quota: ", () -> queues.setQuota(BIKE, TestQueues.quota(-1, 10, QuotaPolicy.REJECT)));
    TestQueues.Batch batch = new TestQueues.Batch(TestQueues.GENEROUS, "p".repeat(1025));
    expectRefused(
        "producer[0]: 1025 bytes", () -> queues.send(BIKE, batch.queue(BIKE, batch.entry("a"))));
  }

  @Test
  void anUnknownPolicyIsNotTakenForAKnownOne() throws Exception {
    // protobuf 2.5 takes a value it does not know for a missing field, and this one is required.
    byte[] request =
        AppendRequest.newBuilder()
            .setDefaultQuota(TestQueues.GENEROUS)
            .setNowMs(1)
            .addAppend(QueueAppend.newBuilder().setQueue(ByteString.copyFrom(BIKE)))
            .build()
            .toByteArray();
    int policyAt = 2 + TestQueues.GENEROUS.toByteArray().length - 1;
    request[policyAt] = 9;
    assertThrows(InvalidProtocolBufferException.class, () -> AppendRequest.parseFrom(request));
  }
}
