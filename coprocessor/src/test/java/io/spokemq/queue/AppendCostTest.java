package io.spokemq.queue;

import static io.spokemq.queue.TestQueues.queue;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.spokemq.queue.protocol.QueueProtocol.AppendEntry;
import io.spokemq.queue.protocol.QueueProtocol.AppendResponse;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.hadoop.hbase.client.Mutation;
import org.apache.hadoop.hbase.client.Put;
import org.apache.hadoop.hbase.ipc.ServerRpcController;
import org.apache.hadoop.hbase.regionserver.HRegion;
import org.apache.hadoop.hbase.util.Bytes;
import org.junit.jupiter.api.Test;

/**
 * What the endpoint costs per message beside putting the same rows, both in the region server's
 * process and without a network. Prints the figures and asserts that all messages arrived, never
 * how fast.
 */
class AppendCostTest {
  private static final int ROUNDS = 8;
  private static final int WARM_UP = 3;
  private static final int MESSAGES_PER_ROUND = 2000;
  private static final String BODY = "x".repeat(1024);

  @Test
  void besidePlainPuts() throws Exception {
    for (int[] shape : new int[][] {{1, 1}, {1, 100}, {10, 10}, {100, 1}, {1000, 1}}) {
      measure(shape[0], shape[1]);
    }
  }

  private static void measure(int queuesPerCall, int messagesPerQueue) throws Exception {
    TestQueues queues = new TestQueues();
    HRegion region = queues.openRegion(queue(1));
    QueueEndpoint endpoint =
        (QueueEndpoint) region.getCoprocessorHost().findCoprocessor(QueueEndpoint.class.getName());
    int messagesPerCall = queuesPerCall * messagesPerQueue;
    int calls = Math.max(1, MESSAGES_PER_ROUND / messagesPerCall);
    long[] appendNs = new long[ROUNDS];
    long[] putNs = new long[ROUNDS];
    long putRows = 0;
    for (int round = 0; round < WARM_UP + ROUNDS; round++) {
      List<TestQueues.Batch> batches = new ArrayList<>();
      for (int call = 0; call < calls; call++) {
        batches.add(batch(queues, queuesPerCall, messagesPerQueue));
      }
      long start = System.nanoTime();
      for (TestQueues.Batch batch : batches) {
        AppendResponse[] response = new AppendResponse[1];
        endpoint.append(
            new ServerRpcController(), batch.request.build(), answer -> response[0] = answer);
        assertEquals(queuesPerCall, response[0].getResultCount());
      }
      long appended = System.nanoTime();
      for (int call = 0; call < calls; call++) {
        List<Mutation> puts = new ArrayList<>(messagesPerCall);
        for (int row = 0; row < messagesPerCall; row++) {
          byte[] key =
              ByteBuffer.allocate(28)
                  .putLong(Long.reverse(5000))
                  .put(queue(5000), 8, 10)
                  .putLong(putRows++)
                  .array();
          puts.add(
              new Put(key).addColumn(MessageRow.FAMILY, MessageRow.VALUE, Bytes.toBytes(BODY)));
        }
        region.batchMutate(puts.toArray(new Mutation[0]));
      }
      long put = System.nanoTime();
      if (round >= WARM_UP) {
        appendNs[round - WARM_UP] = appended - start;
        putNs[round - WARM_UP] = put - appended;
      }
    }
    long messages = (long) calls * messagesPerCall;
    Arrays.sort(appendNs);
    Arrays.sort(putNs);
    System.out.printf(
        "%4d queues x %3d messages of %d bytes a call: append %,7d messages/s, plain puts %,7d"
            + " rows/s, ratio %.2f%n",
        queuesPerCall,
        messagesPerQueue,
        BODY.length(),
        messages * 1_000_000_000L / appendNs[ROUNDS / 2],
        messages * 1_000_000_000L / putNs[ROUNDS / 2],
        (double) putNs[ROUNDS / 2] / appendNs[ROUNDS / 2]);
    assertEquals(messages * (WARM_UP + ROUNDS), queues.statistics(queue(1)).getMessagesAppended());
  }

  private static TestQueues.Batch batch(
      TestQueues queues, int queuesPerCall, int messagesPerQueue) {
    TestQueues.Batch batch = queues.batch();
    for (int session = 1; session <= queuesPerCall; session++) {
      AppendEntry[] entries = new AppendEntry[messagesPerQueue];
      for (int index = 0; index < messagesPerQueue; index++) {
        entries[index] = batch.entry(BODY);
      }
      batch.queue(queue(session), entries);
    }
    return batch;
  }
}
