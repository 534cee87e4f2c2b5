package io.spokemq.queue;

import java.io.Closeable;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.apache.hadoop.hbase.Cell;
import org.apache.hadoop.hbase.PrivateCellUtil;
import org.apache.hadoop.hbase.Tag;
import org.apache.hadoop.hbase.TagType;
import org.apache.hadoop.hbase.regionserver.RegionScanner;

/** Walks over message rows in order. What it returns is valid until it is closed. */
final class MessageScan implements Closeable {
  private final RegionScanner scanner;
  private final List<Cell> cells = new ArrayList<>(2);
  private Cell value;
  private boolean more = true;

  MessageScan(RegionScanner scanner) {
    this.scanner = scanner;
  }

  /** The next message, or null at the end. Rows that lost their message are passed over. */
  MessageRow next() throws IOException {
    while (more) {
      cells.clear();
      more = scanner.next(cells);
      value = null;
      for (Cell cell : cells) {
        if (MessageRow.isValue(cell)) {
          value = cell;
        }
      }
      if (value != null) {
        return new MessageRow(value);
      }
    }
    return null;
  }

  /** The cell of the message that `next` returned. */
  Cell cell() {
    return value;
  }

  /**
   * Time to live of the message that `next` returned, milliseconds from its cell's time; {@link
   * MessageRow#NEVER}: none of its own.
   */
  long ttlMs() {
    return PrivateCellUtil.getTag(value, TagType.TTL_TAG_TYPE)
        .map(Tag::getValueAsLong)
        .orElse(MessageRow.NEVER);
  }

  /** Whether the message that `next` returned is marked. */
  boolean isMarked() {
    for (Cell cell : cells) {
      if (MessageRow.isMark(cell)) {
        return true;
      }
    }
    return false;
  }

  @Override
  public void close() throws IOException {
    scanner.close();
  }
}
