package io.spokemq.queue;

import java.util.Arrays;
import org.apache.hadoop.hbase.client.Scan;
import org.apache.hadoop.hbase.coprocessor.ObserverContext;
import org.apache.hadoop.hbase.coprocessor.RegionCoprocessorEnvironment;
import org.apache.hadoop.hbase.coprocessor.RegionObserver;
import org.apache.hadoop.hbase.regionserver.FlushLifeCycleTracker;
import org.apache.hadoop.hbase.regionserver.InternalScanner;
import org.apache.hadoop.hbase.regionserver.RegionScanner;
import org.apache.hadoop.hbase.regionserver.ScanType;
import org.apache.hadoop.hbase.regionserver.Store;
import org.apache.hadoop.hbase.regionserver.compactions.CompactionLifeCycleTracker;
import org.apache.hadoop.hbase.regionserver.compactions.CompactionRequest;

/**
 * Lets trimmed messages vanish where HBase rewrites or shows them: when memory goes to a file, when
 * memory or files are compacted, when a client scans. Takes no lock of a queue.
 */
final class QueueRegionObserver implements RegionObserver {
  private final QueueRegion region;

  QueueRegionObserver(QueueRegion region) {
    this.region = region;
  }

  @Override
  public InternalScanner preFlush(
      ObserverContext<RegionCoprocessorEnvironment> context,
      Store store,
      InternalScanner scanner,
      FlushLifeCycleTracker tracker) {
    return live(store, scanner);
  }

  @Override
  public InternalScanner preCompact(
      ObserverContext<RegionCoprocessorEnvironment> context,
      Store store,
      InternalScanner scanner,
      ScanType scanType,
      CompactionLifeCycleTracker tracker,
      CompactionRequest request) {
    return live(store, scanner);
  }

  @Override
  public InternalScanner preMemStoreCompactionCompact(
      ObserverContext<RegionCoprocessorEnvironment> context, Store store, InternalScanner scanner) {
    return live(store, scanner);
  }

  @Override
  public RegionScanner postScannerOpen(
      ObserverContext<RegionCoprocessorEnvironment> context, Scan scan, RegionScanner scanner) {
    return new LiveRowsRegionScanner(scanner, region);
  }

  private InternalScanner live(Store store, InternalScanner scanner) {
    boolean hasMessages =
        Arrays.equals(store.getColumnFamilyDescriptor().getName(), MessageRow.FAMILY);
    return hasMessages ? new LiveRowsScanner(scanner, region) : scanner;
  }
}
