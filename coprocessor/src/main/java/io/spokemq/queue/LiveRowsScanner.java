package io.spokemq.queue;

import java.io.IOException;
import java.util.List;
import org.apache.hadoop.hbase.Cell;
import org.apache.hadoop.hbase.regionserver.InternalScanner;
import org.apache.hadoop.hbase.regionserver.ScannerContext;
import org.apache.hadoop.hbase.regionserver.Shipper;

/**
 * What a flush or a compaction reads: the region's cells without those of dead rows, which are
 * counted.
 */
final class LiveRowsScanner implements InternalScanner, Shipper {
  private final InternalScanner scanner;
  private final DeadRows deadRows;
  private final QueueCounters counters;

  LiveRowsScanner(InternalScanner scanner, QueueRegion region) {
    this.scanner = scanner;
    this.deadRows = new DeadRows(region);
    this.counters = region.counters();
  }

  @Override
  public boolean next(List<Cell> result, ScannerContext context) throws IOException {
    boolean more;
    do {
      more = scanner.next(result, context);
      counters.rowsLeftOut.add(deadRows.removeFrom(result));
      // A reader may take an empty answer for the end.
    } while (more && result.isEmpty());
    return more;
  }

  @Override
  public void shipped() throws IOException {
    if (scanner instanceof Shipper) {
      ((Shipper) scanner).shipped();
    }
  }

  @Override
  public void close() throws IOException {
    scanner.close();
  }
}
