package io.spokemq.queue;

import java.util.List;
import java.util.concurrent.atomic.LongAdder;

/** What a region's endpoint has done since the region was opened. Counting never waits. */
final class QueueCounters {
  final LongAdder appendCalls = new LongAdder();
  final LongAdder messagesAppended = new LongAdder();
  final LongAdder bytesAppended = new LongAdder();
  final LongAdder messagesTrimmed = new LongAdder();
  final LongAdder messagesEvicted = new LongAdder();
  final LongAdder messagesExpired = new LongAdder();
  final LongAdder rowsLeftOut = new LongAdder();

  void countAppend(List<QueueAppending> parts) {
    appendCalls.increment();
    for (QueueAppending part : parts) {
      messagesAppended.add(part.stored());
      bytesAppended.add(part.storedBytes());
      messagesEvicted.add(part.evicted());
    }
  }
}
