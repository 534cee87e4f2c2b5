package io.spokemq.bench;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.apache.hadoop.hbase.TableName;
import org.apache.hadoop.hbase.client.BufferedMutator;
import org.apache.hadoop.hbase.client.BufferedMutatorParams;
import org.apache.hadoop.hbase.client.Connection;
import org.apache.hadoop.hbase.client.Put;
import org.apache.hadoop.hbase.client.Table;

/** One thread that appends to its own queues in turn, call after call, until the gauge closes. */
final class RawWriter implements Runnable {
  /** How rows reach HBase. */
  enum Way {
    /** Lists of rows of all regions. */
    LIST,
    /** Lists of rows of one region, as the queue endpoint gets them. */
    REGION,
    /** A buffered mutator that sends a buffer of `rowsPerCall` rows while the next one fills. */
    MUTATOR
  }

  private static final int ROW_BYTES_ON_HEAP = 1_400;

  private final Connection connection;
  private final TableName tableName;
  private final Way way;
  private final int rowsPerCall;
  private final long[] sessionIds;
  private final long[] positions;
  private final WriterGauge gauge;
  private final RawRows rows;
  private int next;

  RawWriter(Connection connection, TableName table, Way way, int rowsPerCall, long[] sessionIds, WriterGauge gauge) {
    this.connection = connection;
    this.tableName = table;
    this.way = way;
    this.rowsPerCall = rowsPerCall;
    this.sessionIds = sessionIds;
    this.positions = new long[sessionIds.length];
    this.gauge = gauge;
    this.rows = new RawRows(sessionIds.length == 0 ? 0 : sessionIds[0]);
  }

  /** Sessions 1 to `queues`, region by region, dealt out to the writers by region. */
  static long[] share(int queues, int writer, int writers) {
    return LongStream.rangeClosed(1, queues).boxed()
        .filter(sessionId -> RawRows.regionOf(sessionId) % writers == writer)
        .sorted(Comparator.comparingInt(RawRows::regionOf))
        .mapToLong(Long::longValue).toArray();
  }

  @Override
  public void run() {
    if (sessionIds.length == 0) {
      return;
    }
    try {
      if (way == Way.MUTATOR) {
        mutate();
      } else {
        put();
      }
    } catch (IOException | RuntimeException cause) {
      gauge.fail(cause);
    }
  }

  private void put() throws IOException {
    List<int[]> turns = way == Way.REGION ? byRegion() : List.of(IntStream.range(0, sessionIds.length).toArray());
    int[] at = new int[turns.size()];
    try (Table table = connection.getTable(tableName)) {
      while (!gauge.isClosed()) {
        int turn = next++ % turns.size();
        int[] queues = turns.get(turn);
        List<Put> puts = new ArrayList<>(rowsPerCall);
        for (int row = 0; row < rowsPerCall; row++) {
          puts.add(message(queues[at[turn]++ % queues.length]));
        }
        at[turn] %= queues.length;
        long startNs = System.nanoTime();
        table.put(puts);
        gauge.wrote(rowsPerCall, System.nanoTime() - startNs);
      }
    }
  }

  private void mutate() throws IOException {
    BufferedMutatorParams params =
        new BufferedMutatorParams(tableName).writeBufferSize((long) rowsPerCall * ROW_BYTES_ON_HEAP);
    try (BufferedMutator mutator = connection.getBufferedMutator(params)) {
      while (!gauge.isClosed()) {
        long startNs = System.nanoTime();
        for (int row = 0; row < rowsPerCall; row++) {
          mutator.mutate(message(next));
          next = (next + 1) % sessionIds.length;
        }
        gauge.wrote(rowsPerCall, System.nanoTime() - startNs);
      }
    }
  }

  private Put message(int queue) {
    return rows.message(sessionIds[queue], ++positions[queue]);
  }

  /** Indices of this writer's queues, a list for each region that has some. */
  private List<int[]> byRegion() {
    return IntStream.range(0, sessionIds.length).boxed()
        .collect(Collectors.groupingBy(index -> RawRows.regionOf(sessionIds[index])))
        .values().stream().map(indices -> indices.stream().mapToInt(Integer::intValue).toArray())
        .collect(Collectors.toList());
  }
}
