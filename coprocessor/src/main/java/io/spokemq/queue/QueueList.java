package io.spokemq.queue;

import com.google.protobuf.ByteString;
import io.spokemq.queue.protocol.QueueProtocol.ListRequest;
import io.spokemq.queue.protocol.QueueProtocol.ListResponse;
import io.spokemq.queue.protocol.QueueProtocol.QueueBounds;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.apache.hadoop.hbase.Cell;
import org.apache.hadoop.hbase.regionserver.RegionScanner;

/**
 * What the region's queues hold, one of them or all in parts. Not a consistent cut: each queue is
 * as it was when it was asked.
 */
final class QueueList {
  /** Queues that one call looks at, empty ones included, so that no call takes long. */
  static final int QUEUES_EXAMINED_MAX = 2000;

  private final QueueRegion region;

  QueueList(QueueRegion region) {
    this.region = region;
  }

  QueueBounds bounds(QueueKey queue) throws IOException {
    QueueState state = region.state(queue);
    return QueueBounds.newBuilder()
        .setQueue(ByteString.copyFrom(queue.stateRow()))
        .setMin(state.seqOf(state.first))
        .setNext(state.seqOf(state.next))
        .setMessages(state.messages())
        .setBytes(state.bytes())
        .build();
  }

  ListResponse list(ListRequest request) throws IOException {
    if (request.getQueuesMax() <= 0) {
      throw InvalidQueueRequestException.of(
          "queues_max: %s; ask for 1 to 2^31 - 1 queues",
          Integer.toUnsignedString(request.getQueuesMax()));
    }
    boolean isFirst = !request.hasAfter();
    byte[] from =
        isFirst
            ? region.rows().region().getRegionInfo().getStartKey()
            : region.key(request.getAfter(), "after").stateRow();
    List<QueueKey> queues = queuesFrom(from, isFirst);
    ListResponse.Builder response = ListResponse.newBuilder();
    for (int index = 0; index < queues.size(); index++) {
      QueueBounds bounds = bounds(queues.get(index));
      if (bounds.getMessages() > 0) {
        response.addBounds(bounds);
      }
      boolean isFull =
          response.getBoundsCount() == request.getQueuesMax() || index + 1 == QUEUES_EXAMINED_MAX;
      if (isFull) {
        return response.setLast(bounds.getQueue()).build();
      }
    }
    return response.build();
  }

  private List<QueueKey> queuesFrom(byte[] from, boolean inclusive) throws IOException {
    List<QueueKey> queues = new ArrayList<>();
    List<Cell> cells = new ArrayList<>();
    try (RegionScanner scanner = region.rows().stateRows(from, inclusive)) {
      boolean more = true;
      while (more && queues.size() < QUEUES_EXAMINED_MAX) {
        cells.clear();
        more = scanner.next(cells);
        QueueKey queue = cells.isEmpty() ? null : QueueKey.ofRow(cells.get(0));
        if (queue != null) {
          queues.add(queue);
        }
      }
    }
    return queues;
  }
}
