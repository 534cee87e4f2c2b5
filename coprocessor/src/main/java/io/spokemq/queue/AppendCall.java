package io.spokemq.queue;

import com.google.protobuf.ByteString;
import io.spokemq.queue.protocol.QueueProtocol.AppendEntry;
import io.spokemq.queue.protocol.QueueProtocol.AppendRequest;
import io.spokemq.queue.protocol.QueueProtocol.AppendResponse;
import io.spokemq.queue.protocol.QueueProtocol.QueueAppend;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.hadoop.hbase.client.Mutation;

/**
 * One append: messages for many queues, all of it durable or none. The request is checked before a
 * lock is taken, so that what is wrong with one queue's part costs the others nothing.
 */
final class AppendCall {
  private final QueueRegion region;
  private final AppendRequest request;
  private final Quota defaultQuota;
  private final byte[][] producers;

  /** In the order of the request. */
  private final Map<QueueKey, QueueAppend> appends = new LinkedHashMap<>();

  AppendCall(QueueRegion region, AppendRequest request) throws InvalidQueueRequestException {
    this.region = region;
    this.request = request;
    this.defaultQuota = Quota.parse(request.getDefaultQuota(), "default_quota");
    this.producers = new byte[request.getProducerCount()][];
    for (int index = 0; index < producers.length; index++) {
      producers[index] = checkedProducer(index);
    }
    if (request.getAppendCount() == 0) {
      throw new InvalidQueueRequestException("append: empty; send at least one queue");
    }
    for (int index = 0; index < request.getAppendCount(); index++) {
      QueueAppend append = request.getAppend(index);
      QueueKey queue = region.key(append.getQueue(), "append", index);
      if (appends.put(queue, append) != null) {
        throw InvalidQueueRequestException.of(
            "append[%s]: queue %s occurs twice; put its entries together", index, queue);
      }
      if (append.getEntryCount() == 0) {
        throw InvalidQueueRequestException.of(
            "append[%s].entry: empty; leave the queue out", index);
      }
      for (int entry = 0; entry < append.getEntryCount(); entry++) {
        check(append.getEntry(entry), index, entry);
      }
    }
  }

  private byte[] checkedProducer(int index) throws InvalidQueueRequestException {
    ByteString producer = request.getProducerBytes(index);
    if (producer.isEmpty() || producer.size() > ProducerWindow.PRODUCER_BYTES_MAX) {
      throw InvalidQueueRequestException.of(
          "producer[%s]: %s bytes; a producer's name has 1 to %s",
          index, producer.size(), ProducerWindow.PRODUCER_BYTES_MAX);
    }
    return producer.toByteArray();
  }

  private void check(AppendEntry entry, int append, int index) throws InvalidQueueRequestException {
    if (!isIndex(entry.getProducer(), producers.length)
        || !isIndex(entry.getBody(), request.getBodyCount())) {
      throw refused(
          append,
          index,
          "producer %s of %s, body %s of %s; send every one that an entry names",
          Integer.toUnsignedString(entry.getProducer()),
          producers.length,
          Integer.toUnsignedString(entry.getBody()),
          request.getBodyCount());
    }
    if (entry.getSequence() < 0) {
      throw refused(
          append,
          index,
          "sequence %s; a sequence lies below 2^63",
          Long.toUnsignedString(entry.getSequence()));
    }
    int carried = entry.getDelivery().size() + request.getBody(entry.getBody()).size();
    if (entry.getSize() < 0 || entry.getSize() > carried) {
      throw refused(
          append,
          index,
          "size %s, but delivery and body have %s bytes; send what counts against the quota",
          Integer.toUnsignedString(entry.getSize()),
          carried);
    }
    if (entry.getExpiresAtMs() < 0 || (entry.hasTtlMs() && entry.getTtlMs() <= 0)) {
      throw refused(
          append,
          index,
          "expires_at_ms %s, ttl_ms %s; send times above 0 and below 2^63, or leave them out",
          Long.toUnsignedString(entry.getExpiresAtMs()),
          Long.toUnsignedString(entry.getTtlMs()));
    }
  }

  private static boolean isIndex(int index, int count) {
    return index >= 0 && index < count;
  }

  private static InvalidQueueRequestException refused(
      int append, int entry, String format, Object... arguments) {
    return InvalidQueueRequestException.of(
        "append[%s].entry[%s]: %s", append, entry, String.format(format, arguments));
  }

  /**
   * What has expired does not count against the quota: a queue that would be full is swept first.
   */
  private void makeRoom(QueueKey queue, QueueAppend append, LockedQueues queues)
      throws IOException {
    QueueState state = queues.state(queue);
    boolean mayHaveExpired = !state.expiryKnown || region.expiry().isDue(queue, request.getNowMs());
    if (state.messages() == 0 || !mayHaveExpired) {
      return;
    }
    long bytes = 0;
    for (AppendEntry entry : append.getEntryList()) {
      bytes += entry.getSize();
    }
    Quota quota = state.quota == null ? defaultQuota : state.quota;
    if (state.messages() + append.getEntryCount() > quota.messagesMax
        || state.bytes() + bytes > quota.bytesMax) {
      new ExpiredMessages(region, queue, request.getNowMs()).sweepHeld(queues);
    }
  }

  AppendResponse run() throws IOException {
    AppendResponse.Builder response = AppendResponse.newBuilder();
    List<QueueAppending> parts = new ArrayList<>(appends.size());
    List<Mutation> mutations = new ArrayList<>();
    long messageTtlMs = region.rows().messageTtlMs();
    try (LockedQueues queues = region.lock(appends.keySet())) {
      for (Map.Entry<QueueKey, QueueAppend> entry : appends.entrySet()) {
        makeRoom(entry.getKey(), entry.getValue(), queues);
      }
      for (Map.Entry<QueueKey, QueueAppend> entry : appends.entrySet()) {
        QueueKey queue = entry.getKey();
        QueueState draft = queues.draft(queue);
        try (var part = new QueueAppending(region.rows(), queue, draft, defaultQuota)) {
          for (AppendEntry message : entry.getValue().getEntryList()) {
            part.append(
                message, producers[message.getProducer()], request.getBody(message.getBody()));
          }
          response.addResult(part.finish(mutations));
          // Offered before it is known whether the rows are there: a time for nothing is harmless,
          // a missing one is not.
          region.expiry().offer(queue, part.earliestEndMs(messageTtlMs));
          parts.add(part);
        }
      }
      queues.commit(mutations);
    }
    region.counters().countAppend(parts);
    return response.build();
  }
}
