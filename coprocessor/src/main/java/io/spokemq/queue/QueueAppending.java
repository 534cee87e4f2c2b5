package io.spokemq.queue;

import com.google.protobuf.ByteString;
import io.spokemq.queue.protocol.QueueProtocol.AppendEntry;
import io.spokemq.queue.protocol.QueueProtocol.AppendStatus;
import io.spokemq.queue.protocol.QueueProtocol.QueueAppendResult;
import java.io.Closeable;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.List;
import org.apache.hadoop.hbase.client.Mutation;
import org.apache.hadoop.hbase.client.Put;

/**
 * One queue's part of an append: decides on every entry, gives positions, and says which rows make
 * it so. Changes a draft only; whoever commits the rows makes it true.
 */
final class QueueAppending implements Closeable {
  /** A message of this call that was not evicted by a later one. */
  private static final class Appended {
    final AppendEntry entry;
    final ByteString body;
    final long position;
    final long cumulativeBytes;

    Appended(AppendEntry entry, ByteString body, long position, long cumulativeBytes) {
      this.entry = entry;
      this.body = body;
      this.position = position;
      this.cumulativeBytes = cumulativeBytes;
    }
  }

  private final QueueRows rows;
  private final QueueKey queue;
  private final QueueState draft;
  private final Quota quota;
  private final boolean isNew;
  private final QueueHead head;
  private final ArrayDeque<Appended> appended = new ArrayDeque<>();
  private final QueueAppendResult.Builder result = QueueAppendResult.newBuilder();
  private long stored;
  private long storedBytes;
  private long evicted;
  private boolean evictsAtRest = true;
  private int entries;
  private long writtenAtMs;

  QueueAppending(QueueRows rows, QueueKey queue, QueueState draft, Quota defaultQuota) {
    this.rows = rows;
    this.queue = queue;
    this.draft = draft;
    this.quota = (draft.quota == null ? defaultQuota : draft.quota).forQueue(queue);
    this.isNew = !draft.stored || draft.dropped;
    this.head = new QueueHead(rows, queue, draft);
  }

  void append(AppendEntry entry, byte[] producer, ByteString body) throws IOException {
    long repeated = draft.window.repeatOf(producer, entry.getSequence());
    if (repeated != 0) {
      answer(AppendStatus.REPEAT, draft.seqOf(repeated), 0);
      return;
    }
    Quota counted =
        entry.getNoGrowth() ? quota.atMost(draft.messages(), draft.bytes()) : quota;
    switch (counted.verdict(draft.messages(), draft.bytes(), entry.getSize())) {
      case REJECTED:
        answer(AppendStatus.REJECTED, 0, 0);
        return;
      case DROPPED:
        answer(AppendStatus.DROPPED, 0, 0);
        return;
      default:
        int gone = makeRoom(counted, entry.getSize());
        long position = draft.append(entry.getSize());
        draft.window = draft.window.remember(producer, entry.getSequence(), position);
        appended.add(new Appended(entry, body, position, draft.appendedBytes));
        stored++;
        storedBytes += entry.getSize();
        answer(AppendStatus.STORED, draft.seqOf(position), gone);
    }
  }

  private int makeRoom(Quota counted, long size) throws IOException {
    int gone = 0;
    while (!counted.isWithin(draft.messages(), draft.bytes(), size)) {
      if (evictsAtRest && !head.evictOldest()) {
        evictsAtRest = false;
        continue;
      }
      if (!evictsAtRest) {
        Appended oldest = appended.remove();
        draft.beginAt(oldest.position + 1, oldest.cumulativeBytes);
      }
      gone++;
    }
    evicted += gone;
    return gone;
  }

  private void answer(AppendStatus status, long seq, int gone) {
    result.addStatus(status).addSeq(seq);
    if (gone > 0) {
      while (result.getEvictedCount() < entries) {
        result.addEvicted(0);
      }
    }
    if (gone > 0 || result.getEvictedCount() > 0) {
      result.addEvicted(gone);
    }
    entries++;
  }

  /**
   * When the first of the appended messages expires or goes by itself, {@link MessageRow#NEVER} if
   * none does.
   */
  long earliestEndMs(long messageTtlMs) {
    long earliestMs = MessageRow.NEVER;
    for (Appended message : appended) {
      long ttlMs =
          message.entry.hasTtlMs()
              ? Math.min(message.entry.getTtlMs(), messageTtlMs)
              : messageTtlMs;
      long ttlEndMs = ttlMs == MessageRow.NEVER ? MessageRow.NEVER : writtenAtMs + ttlMs;
      earliestMs = Math.min(earliestMs, Math.min(ttlEndMs, expiresAtMs(message.entry)));
    }
    return earliestMs;
  }

  /** Adds the rows of what is left to `mutations`. */
  QueueAppendResult finish(List<Mutation> mutations) {
    Appended last = appended.peekLast();
    writtenAtMs = rows.nowMs();
    for (Appended message : appended) {
      mutations.add(messageRow(message, message == last));
    }
    // A last message that goes by itself would take with it what is known of `next` and of the
    // producers.
    if (stored > 0 && (isNew || evicted > 0 || last == null || last.entry.hasTtlMs())) {
      mutations.add(StateRow.put(queue, draft, writtenAtMs));
    }
    return result.build();
  }

  private Put messageRow(Appended message, boolean isLast) {
    AppendEntry entry = message.entry;
    byte[] value =
        MessageRow.encode(
            message.cumulativeBytes,
            entry.getSize(),
            expiresAtMs(entry),
            isLast ? draft.window : null,
            entry.getDelivery(),
            message.body);
    Put put =
        new Put(queue.messageRow(message.position))
            .addColumn(MessageRow.FAMILY, MessageRow.VALUE, writtenAtMs, value);
    if (entry.hasTtlMs()) {
      put.setTTL(entry.getTtlMs());
    }
    return put;
  }

  private static long expiresAtMs(AppendEntry entry) {
    return entry.hasExpiresAtMs() ? entry.getExpiresAtMs() : MessageRow.NEVER;
  }

  @Override
  public void close() throws IOException {
    head.close();
  }

  long stored() {
    return stored;
  }

  long storedBytes() {
    return storedBytes;
  }

  long evicted() {
    return evicted;
  }
}
