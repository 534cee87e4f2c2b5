package io.spokemq.queue;

import static io.spokemq.queue.TestQueues.NOW_MS;
import static io.spokemq.queue.TestQueues.queue;
import static io.spokemq.queue.TestQueues.quota;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.spokemq.queue.protocol.QueueProtocol;
import io.spokemq.queue.protocol.QueueProtocol.AppendEntry;
import io.spokemq.queue.protocol.QueueProtocol.AppendStatus;
import io.spokemq.queue.protocol.QueueProtocol.QueueAppendResult;
import io.spokemq.queue.protocol.QueueProtocol.QuotaPolicy;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.apache.hadoop.hbase.MemoryCompactionPolicy;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Random histories, with the region flushed, compacted, moved and split on the way, agree with a
 * model that could not be simpler.
 */
class QueueHistoryTest {
  private static final int QUEUES = 5;
  private static final int STEPS = 120;

  private static final class ModelMessage {
    final long seq;
    final String body;
    final Long expiresAtMs;
    boolean marked;

    ModelMessage(long seq, String body, Long expiresAtMs) {
      this.seq = seq;
      this.body = body;
      this.expiresAtMs = expiresAtMs;
    }
  }

  private static final class ModelQueue {
    long next = 1;
    QueueProtocol.Quota quota = TestQueues.GENEROUS;
    final List<ModelMessage> messages = new ArrayList<>();

    long bytes() {
      return messages.stream().mapToLong(message -> message.body.length()).sum();
    }

    boolean fits(long held, long bytes, String body) {
      return held < quota.getMessagesMax() && bytes + body.length() <= quota.getBytesMax();
    }

    /** `status seq`. */
    String append(String body, Long expiresAtMs) {
      if (!fits(messages.size(), bytes(), body)) {
        if (quota.getPolicy() == QuotaPolicy.REJECT) {
          return AppendStatus.REJECTED + " 0";
        }
        if (quota.getPolicy() == QuotaPolicy.DROP_NEWEST || !fits(0, 0, body)) {
          return AppendStatus.DROPPED + " 0";
        }
        while (!fits(messages.size(), bytes(), body)) {
          messages.remove(0);
        }
      }
      messages.add(new ModelMessage(next, body, expiresAtMs));
      return AppendStatus.STORED + " " + next++;
    }

    List<String> texts() {
      List<String> texts = new ArrayList<>();
      messages.forEach(
          message -> texts.add(message.seq + "=" + message.body + (message.marked ? "*" : "")));
      return texts;
    }

    String bounds() {
      return (messages.isEmpty() ? next : messages.get(0).seq)
          + " "
          + next
          + " "
          + messages.size()
          + " "
          + bytes();
    }
  }

  private final Map<Integer, ModelQueue> model = new TreeMap<>();
  private TestQueues queues;
  private Random random;
  private long nowMs = NOW_MS;
  private int splits;

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void agreesWithTheModel(long seed) throws Exception {
    random = new Random(seed);
    MemoryCompactionPolicy[] policies = {
      MemoryCompactionPolicy.NONE, MemoryCompactionPolicy.BASIC, MemoryCompactionPolicy.EAGER
    };
    // Two states are remembered of five: most calls recover theirs.
    Map<String, String> attributes = new TreeMap<>(TestQueues.RESTRICTED_SPLITS);
    attributes.put(QueueEndpoint.STATES_MAX_KEY, "2");
    queues =
        new TestQueues(
            messages -> messages.setInMemoryCompaction(policies[(int) (seed % policies.length)]),
            attributes);
    int step = 0;
    try {
      for (; step < STEPS; step++) {
        step(random.nextInt(100));
        if (random.nextInt(8) == 0) {
          compare();
        }
      }
      compare();
    } catch (Exception | AssertionError failure) {
      throw new AssertionError("seed " + seed + ", step " + step, failure);
    }
  }

  private ModelQueue modelOf(int session) {
    return model.computeIfAbsent(session, key -> new ModelQueue());
  }

  private void step(int dice) throws Exception {
    int session = 1 + random.nextInt(QUEUES);
    ModelQueue queue = modelOf(session);
    if (dice < 50) {
      append(session, queue);
    } else if (dice < 64) {
      long through = Math.max(0, queue.next - random.nextInt(12));
      queues.trim(queue(session), through);
      queue.messages.removeIf(message -> message.seq <= through);
    } else if (dice < 70) {
      long seq = Math.max(1, queue.next - random.nextInt(10));
      queues.mark(queue(session), seq);
      queue.messages.forEach(message -> message.marked |= message.seq == seq);
    } else if (dice < 73) {
      queues.drop(queue(session));
      model.remove(session);
    } else if (dice < 79) {
      setQuota(session, queue);
    } else if (dice < 85) {
      sweep();
    } else {
      disturb(session, dice);
    }
  }

  private void append(int session, ModelQueue queue) throws Exception {
    List<String> expected = new ArrayList<>();
    TestQueues.Batch batch = queues.batch();
    AppendEntry[] entries = new AppendEntry[1 + random.nextInt(8)];
    for (int index = 0; index < entries.length; index++) {
      Long expiresAtMs = random.nextInt(3) == 0 ? nowMs + 1000L * (1 + random.nextInt(200)) : null;
      String body = "m".repeat(random.nextInt(20) == 0 ? 3000 : random.nextInt(60));
      entries[index] = batch.timed(body, expiresAtMs, expiresAtMs == null ? null : 3_600_000L);
      expected.add(queue.append(body, expiresAtMs));
    }
    batch.queue(queue(session), entries);
    expectResult(expected, queues.send(queue(session), batch).get(0));
    if (random.nextInt(4) == 0) {
      for (AppendStatus status : queues.send(queue(session), batch).get(0).getStatusList()) {
        // What was refused may be refused again or be a repeat by now, but nothing is stored twice.
        if (!expected.contains(AppendStatus.REJECTED + " 0")
            && !expected.contains(AppendStatus.DROPPED + " 0")) {
          assertEquals(AppendStatus.REPEAT, status);
        }
      }
      adoptRefused(queue, expected, batch);
    }
  }

  /**
   * A refused entry behind a stored one counts as a repeat; one behind which nothing was stored is
   * decided anew.
   */
  private static void adoptRefused(
      ModelQueue queue, List<String> expected, TestQueues.Batch batch) {
    int lastStored = -1;
    for (int index = 0; index < expected.size(); index++) {
      if (expected.get(index).startsWith(AppendStatus.STORED.toString())) {
        lastStored = index;
      }
    }
    for (int index = lastStored + 1; index < expected.size(); index++) {
      AppendEntry entry = batch.request.getAppend(0).getEntry(index);
      queue.append(
          batch.request.getBody(entry.getBody()).toStringUtf8(),
          entry.hasExpiresAtMs() ? entry.getExpiresAtMs() : null);
    }
  }

  private static void expectResult(List<String> expected, QueueAppendResult result) {
    List<String> found = new ArrayList<>();
    for (int index = 0; index < result.getStatusCount(); index++) {
      found.add(result.getStatus(index) + " " + result.getSeq(index));
    }
    assertEquals(expected, found);
  }

  private void setQuota(int session, ModelQueue queue) throws Exception {
    QuotaPolicy policy = QuotaPolicy.values()[random.nextInt(3)];
    QueueProtocol.Quota quota =
        random.nextInt(3) == 0 ? null : quota(random.nextInt(30), random.nextInt(4000), policy);
    queues.setQuota(queue(session), quota);
    queue.quota = quota == null ? TestQueues.GENEROUS : quota;
  }

  private void sweep() throws Exception {
    nowMs += 1000L * random.nextInt(100);
    long expected = 0;
    for (ModelQueue queue : model.values()) {
      int before = queue.messages.size();
      queue.messages.removeIf(
          message -> message.expiresAtMs != null && message.expiresAtMs <= nowMs);
      expected += before - queue.messages.size();
    }
    long removed = 0;
    for (var region : queues.cluster.admin().getRegions(queues.name)) {
      removed += queues.sweep(region.getStartKey(), nowMs + 1).getRemoved();
    }
    assertEquals(expected, removed);
  }

  private void disturb(int session, int dice) throws Exception {
    if (dice < 92) {
      queues.flush(queue(session));
    } else if (dice < 96) {
      queues.compact(queue(session));
    } else if (dice < 99 || splits > 0) {
      queues.move(queue(session));
    } else {
      splits++;
      queues.split(queue(session), QueueKey.parse(queue(2), "").messageRow(3));
    }
  }

  private void compare() throws Exception {
    for (int session = 1; session <= QUEUES; session++) {
      ModelQueue expected = modelOf(session);
      assertEquals(expected.texts(), queues.texts(queue(session)), "queue " + session);
      assertEquals(expected.bounds(), queues.bounds(queue(session)), "queue " + session);
    }
  }
}
