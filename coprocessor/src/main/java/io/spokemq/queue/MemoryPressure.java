package io.spokemq.queue;

import java.util.concurrent.Semaphore;
import org.apache.hadoop.hbase.RegionTooBusyException;
import org.apache.hadoop.hbase.coprocessor.RegionCoprocessorEnvironment;
import org.apache.hadoop.hbase.regionserver.MemStoreFlusher;
import org.apache.hadoop.hbase.regionserver.OnlineRegions;
import org.apache.hadoop.hbase.regionserver.RegionServerServices;

/**
 * Keeps appends from filling a region server's heap. HBase stops puts while all memory stores
 * together are above their limit, but lets endpoint calls through: without this a flood of appends
 * ends the server.
 */
final class MemoryPressure {
  /** One call of this server waits, and with that makes it flush; the others are told to come again. */
  private static final Semaphore WAITING = new Semaphore(1);

  /** Null where a region is not hosted by a region server. */
  private final RegionServerServices server;

  private MemoryPressure(RegionServerServices server) {
    this.server = server;
  }

  static MemoryPressure of(RegionCoprocessorEnvironment environment) {
    OnlineRegions host = environment.getOnlineRegions();
    return new MemoryPressure(
        host instanceof RegionServerServices ? (RegionServerServices) host : null);
  }

  /**
   * Returns when the server has room for an append. Throws while it is above its limit: nothing was
   * done, and the client tries again after a pause, without keeping one of the handlers that reads
   * need too.
   */
  void relieve() throws RegionTooBusyException {
    if (server == null || isNormal(server.getRegionServerAccounting().isAboveLowWaterMark())) {
      return;
    }
    if (isNormal(server.getRegionServerAccounting().isAboveHighWaterMark())) {
      flusher().reclaimMemStoreMemory(); // Wakes the flusher and does not wait.
      return;
    }
    if (!WAITING.tryAcquire()) {
      throw new RegionTooBusyException(
          "memory stores of " + server.getServerName() + " are full and being flushed");
    }
    try {
      flusher().reclaimMemStoreMemory();
    } finally {
      WAITING.release();
    }
  }

  /** HBase's type of this value cannot be named from here. */
  private static boolean isNormal(Object flushType) {
    return flushType.toString().equals("NORMAL");
  }

  private MemStoreFlusher flusher() {
    return (MemStoreFlusher) server.getFlushRequester();
  }
}
