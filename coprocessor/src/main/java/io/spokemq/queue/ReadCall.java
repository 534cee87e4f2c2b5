package io.spokemq.queue;

import io.spokemq.queue.protocol.QueueProtocol.ReadEntry;
import io.spokemq.queue.protocol.QueueProtocol.ReadRequest;
import io.spokemq.queue.protocol.QueueProtocol.ReadResponse;
import java.io.IOException;

/**
 * One read: a short scan from a known position. Takes no lock, and shows nothing before the queue's
 * first position.
 */
final class ReadCall {
  private final QueueRegion region;
  private final ReadRequest request;
  private final QueueKey queue;

  ReadCall(QueueRegion region, ReadRequest request) throws InvalidQueueRequestException {
    this.region = region;
    this.request = request;
    this.queue = region.key(request.getQueue(), "queue");
    if (request.getMessagesMax() <= 0 || request.getBytesMax() < 0 || request.getFrom() < 0) {
      throw InvalidQueueRequestException.of(
          "from %s, messages_max %s, bytes_max %s; ask for 1 to 2^31 - 1 messages from a "
              + "position below 2^63",
          Long.toUnsignedString(request.getFrom()),
          Integer.toUnsignedString(request.getMessagesMax()),
          Long.toUnsignedString(request.getBytesMax()));
    }
  }

  ReadResponse run() throws IOException {
    QueueState state = current();
    for (; ; ) {
      ReadResponse response = read(state);
      QueueState after = current();
      // The queue was dropped meanwhile: positions have another base, and what was read may be of
      // both lives.
      if (after.base == state.base) {
        return response;
      }
      state = after;
    }
  }

  private QueueState current() throws IOException {
    QueueState state = region.states().remembered(queue);
    return state == null ? region.rows().stateRow(queue) : state;
  }

  private ReadResponse read(QueueState state) throws IOException {
    ReadResponse.Builder response = ReadResponse.newBuilder();
    long from = Math.max(state.first, state.atRest(request.getFrom()));
    long bytes = 0;
    try (MessageScan scan = region.rows().messages(queue, from, Long.MAX_VALUE)) {
      while (response.getEntryCount() < request.getMessagesMax()) {
        MessageRow row = scan.next();
        if (row == null) {
          break;
        }
        bytes += row.size;
        if (bytes > request.getBytesMax() && response.getEntryCount() > 0) {
          break;
        }
        response.addEntry(
            ReadEntry.newBuilder()
                .setSeq(state.seqOf(row.position))
                .setMarked(scan.isMarked())
                .setValue(row.content()));
      }
    }
    return response.build();
  }
}
