package io.spokemq.queue;

import java.io.IOException;
import java.util.List;
import org.apache.hadoop.hbase.Cell;
import org.apache.hadoop.hbase.client.RegionInfo;
import org.apache.hadoop.hbase.regionserver.RegionScanner;
import org.apache.hadoop.hbase.regionserver.ScannerContext;

/**
 * What a client's scan shows: the region's rows without dead ones. A step over a dead row gives an
 * empty answer that says there is more, so that the caller's limits of time and size still count.
 */
final class LiveRowsRegionScanner implements RegionScanner {
  private final RegionScanner scanner;
  private final DeadRows deadRows;

  LiveRowsRegionScanner(RegionScanner scanner, QueueRegion region) {
    this.scanner = scanner;
    this.deadRows = new DeadRows(region);
  }

  private boolean live(List<Cell> result, boolean more) {
    deadRows.removeFrom(result);
    return more;
  }

  @Override
  public boolean next(List<Cell> result) throws IOException {
    return live(result, scanner.next(result));
  }

  @Override
  public boolean next(List<Cell> result, ScannerContext context) throws IOException {
    return live(result, scanner.next(result, context));
  }

  @Override
  public boolean nextRaw(List<Cell> result) throws IOException {
    return live(result, scanner.nextRaw(result));
  }

  @Override
  public boolean nextRaw(List<Cell> result, ScannerContext context) throws IOException {
    return live(result, scanner.nextRaw(result, context));
  }

  @Override
  public RegionInfo getRegionInfo() {
    return scanner.getRegionInfo();
  }

  @Override
  public boolean isFilterDone() throws IOException {
    return scanner.isFilterDone();
  }

  @Override
  public boolean reseek(byte[] row) throws IOException {
    return scanner.reseek(row);
  }

  @Override
  public long getMaxResultSize() {
    return scanner.getMaxResultSize();
  }

  @Override
  public long getMvccReadPoint() {
    return scanner.getMvccReadPoint();
  }

  @Override
  public int getBatch() {
    return scanner.getBatch();
  }

  @Override
  public String getOperationId() {
    return scanner.getOperationId();
  }

  @Override
  public void close() throws IOException {
    scanner.close();
  }
}
