package io.spokemq.queue;

import com.google.protobuf.ByteString;
import io.spokemq.queue.protocol.QueueProtocol.MarkRequest;
import io.spokemq.queue.protocol.QueueProtocol.QueueTrim;
import io.spokemq.queue.protocol.QueueProtocol.TrimRequest;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.hadoop.hbase.client.Mutation;
import org.apache.hadoop.hbase.client.Put;

/**
 * The calls that change queues without adding a message: trim, mark, drop, quota. What would change
 * nothing writes nothing.
 */
final class QueueChanges {
  private final QueueRegion region;
  private final QueueRows rows;

  QueueChanges(QueueRegion region) {
    this.region = region;
    this.rows = region.rows();
  }

  void trim(TrimRequest request) throws IOException {
    TreeMap<QueueKey, Long> through = new TreeMap<>();
    for (int index = 0; index < request.getTrimCount(); index++) {
      QueueTrim trim = request.getTrim(index);
      QueueKey queue = region.key(trim.getQueue(), "trim", index);
      if (trim.getThrough() < 0) {
        throw InvalidQueueRequestException.of(
            "trim[%s].through: %s; a position lies below 2^63",
            index, Long.toUnsignedString(trim.getThrough()));
      }
      through.merge(queue, trim.getThrough(), Math::max);
    }
    long trimmed = 0;
    try (LockedQueues queues = region.lock(through.keySet())) {
      List<Mutation> mutations = new ArrayList<>(through.size());
      for (Map.Entry<QueueKey, Long> entry : through.entrySet()) {
        QueueState published = queues.state(entry.getKey());
        long last = Math.min(published.atRest(entry.getValue()), published.next - 1);
        if (last >= published.first) {
          QueueState draft = queues.draft(entry.getKey());
          try (QueueHead head = new QueueHead(rows, entry.getKey(), draft)) {
            head.trimBefore(last + 1);
          }
          trimmed += published.messages() - draft.messages();
          mutations.add(StateRow.put(entry.getKey(), draft, rows.nowMs()));
        }
      }
      queues.commit(mutations);
      forgetEmptied(queues, through.keySet());
    }
    region.counters().messagesTrimmed.add(trimmed);
  }

  void mark(MarkRequest request) throws IOException {
    QueueKey queue = region.key(request.getQueue(), "queue");
    try (LockedQueues queues = region.lock(List.of(queue))) {
      QueueState state = queues.state(queue);
      List<Mutation> mutations = new ArrayList<>(request.getSeqCount());
      for (long seq : new TreeSet<>(request.getSeqList())) {
        long position = state.atRest(seq);
        if (seq > 0 && position >= state.first && position < state.next) {
          addMark(queue, position, mutations);
        }
      }
      queues.commit(mutations);
    }
  }

  private void addMark(QueueKey queue, long position, List<Mutation> mutations) throws IOException {
    try (MessageScan scan = rows.messages(queue, position, position + 1)) {
      if (scan.next() == null || scan.isMarked()) {
        return;
      }
      // As old as its message, so that both have the same end.
      Put put =
          new Put(queue.messageRow(position))
              .addColumn(
                  MessageRow.FAMILY, MessageRow.MARK, scan.cell().getTimestamp(), new byte[0]);
      long ttlMs = scan.ttlMs();
      mutations.add(ttlMs == MessageRow.NEVER ? put : put.setTTL(ttlMs));
    }
  }

  void drop(List<ByteString> keys) throws IOException {
    List<QueueKey> dropped = region.keys(keys, "queue");
    try (LockedQueues queues = region.lock(dropped)) {
      List<Mutation> mutations = new ArrayList<>(2 * keys.size());
      for (QueueKey queue : new TreeSet<>(dropped)) {
        QueueState published = queues.state(queue);
        boolean isUsed = published.next > published.base + 1;
        if (isUsed || published.quota != null) {
          QueueState draft = queues.draft(queue);
          draft.drop();
          mutations.addAll(StateRow.dropped(queue, draft, rows.nowMs(), rows.droppedTtlMs()));
        }
      }
      queues.commit(mutations);
      forgetEmptied(queues, dropped);
    }
  }

  private void forgetEmptied(LockedQueues queues, Collection<QueueKey> keys) throws IOException {
    for (QueueKey queue : keys) {
      if (queues.state(queue).messages() == 0) {
        region.expiry().remove(queue);
      }
    }
  }

  /** `quota` null: back to the default of whoever appends. */
  void setQuota(QueueKey queue, Quota quota) throws IOException {
    try (LockedQueues queues = region.lock(List.of(queue))) {
      if (quota == null && queues.state(queue).quota == null) {
        return;
      }
      QueueState draft = queues.draft(queue);
      draft.quota = quota;
      queues.commit(List.of(StateRow.putQuota(queue, draft, rows.nowMs())));
    }
  }
}
