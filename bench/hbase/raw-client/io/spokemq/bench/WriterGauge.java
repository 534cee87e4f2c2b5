package io.spokemq.bench;

import java.util.Arrays;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.LongAdder;

/** What all writers together wrote while the window was open, and how long their calls took. Stops them when it closes. */
final class WriterGauge {
  private final LongAdder rows = new LongAdder();
  private final CountDownLatch firstCall = new CountDownLatch(1);
  private long[] latenciesNs = new long[1 << 16];
  private int calls;
  private long openedNs;
  private boolean open;
  private volatile boolean closed;
  private volatile Exception failure;

  boolean isClosed() {
    return closed;
  }

  /** Returns when something has been written, or a writer has failed. */
  void awaitFirstCall() throws InterruptedException {
    firstCall.await();
  }

  synchronized void open() {
    rows.reset();
    calls = 0;
    openedNs = System.nanoTime();
    open = true;
  }

  /** One call wrote `count` rows durably and took so long. */
  void wrote(int count, long latencyNs) {
    rows.add(count);
    firstCall.countDown();
    synchronized (this) {
      if (!open) {
        return;
      }
      if (calls == latenciesNs.length) {
        latenciesNs = Arrays.copyOf(latenciesNs, 2 * calls);
      }
      latenciesNs[calls++] = latencyNs;
    }
  }

  void fail(Exception cause) {
    failure = cause;
    closed = true;
    firstCall.countDown();
  }

  void throwFailure() throws Exception {
    if (failure != null) {
      throw failure;
    }
  }

  /** The line that ends the window; writers end after the call they are in. */
  synchronized String close() {
    long messages = rows.sum();
    double elapsedMs = (System.nanoTime() - openedNs) / 1e6;
    open = false;
    closed = true;
    Arrays.sort(latenciesNs, 0, calls);
    return String.format("{\"event\":\"end\",\"messages\":%d,\"calls\":%d,\"elapsedMs\":%.3f,\"p50Ms\":%.3f,\"p99Ms\":%.3f}",
        messages, calls, elapsedMs, percentileMs(50), percentileMs(99));
  }

  private double percentileMs(int percent) {
    return calls == 0 ? 0 : latenciesNs[Math.min(calls - 1, (int) ((long) calls * percent / 100))] / 1e6;
  }
}
