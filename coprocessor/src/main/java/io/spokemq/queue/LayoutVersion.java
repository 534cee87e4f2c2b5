package io.spokemq.queue;

import java.io.IOException;
import org.apache.hadoop.hbase.Cell;
import org.apache.hadoop.hbase.DoNotRetryIOException;
import org.apache.hadoop.hbase.util.Bytes;

/** The first byte of every value at rest. */
final class LayoutVersion {
  static final byte CURRENT = 1;

  private LayoutVersion() {}

  /** Refuses what a later release wrote. */
  static void require(byte found, Cell cell) throws IOException {
    if (found != CURRENT) {
      String row =
          Bytes.toStringBinary(cell.getRowArray(), cell.getRowOffset(), cell.getRowLength());
      throw new DoNotRetryIOException(
          String.format(
              "row %s has layout %s, this endpoint knows %s; load the release that wrote it",
              row, found, CURRENT));
    }
  }
}
