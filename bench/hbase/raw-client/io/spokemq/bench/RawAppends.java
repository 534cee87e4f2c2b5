package io.spokemq.bench;

import java.util.HashMap;
import java.util.Map;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.hbase.HBaseConfiguration;
import org.apache.hadoop.hbase.TableName;
import org.apache.hadoop.hbase.client.Connection;
import org.apache.hadoop.hbase.client.ConnectionFactory;

/**
 * Writes message rows with hbase-client, as fast as HBase takes them: the raw limit that the queue store is measured
 * against. Prints a line of JSON when the measured window begins and one with what was written when it ends.
 *
 * <p>Arguments, each {@code name=value}: zookeeperPort, table, queues, way (list, region, mutator), rowsPerCall, threads,
 * warmUpMs, windowMs.
 */
public final class RawAppends {
  private RawAppends() {}

  public static void main(String[] arguments) throws Exception {
    Map<String, String> options = parse(arguments);
    int queues = number(options, "queues");
    int threads = number(options, "threads");
    Configuration configuration = HBaseConfiguration.create();
    configuration.set("hbase.zookeeper.quorum", "127.0.0.1");
    configuration.set("hbase.zookeeper.property.clientPort", text(options, "zookeeperPort"));
    // The default of 2 batches at a time for one server would hold a buffered mutator back.
    configuration.setInt("hbase.client.max.perserver.tasks", Math.max(2, threads));
    WriterGauge gauge = new WriterGauge();
    try (Connection connection = ConnectionFactory.createConnection(configuration)) {
      RawWriter.Way way = RawWriter.Way.valueOf(text(options, "way").toUpperCase());
      Thread[] writers = new Thread[threads];
      for (int index = 0; index < threads; index++) {
        RawWriter writer = new RawWriter(connection, TableName.valueOf(text(options, "table")), way,
            number(options, "rowsPerCall"), RawWriter.share(queues, index, threads), gauge);
        writers[index] = new Thread(writer, "writer-" + index);
        writers[index].start();
      }
      gauge.awaitFirstCall();
      Thread.sleep(number(options, "warmUpMs"));
      gauge.open();
      System.out.println("{\"event\":\"begin\"}");
      Thread.sleep(number(options, "windowMs"));
      System.out.println(gauge.close());
      for (Thread writer : writers) {
        writer.join();
      }
    }
    gauge.throwFailure();
  }

  private static Map<String, String> parse(String[] arguments) {
    Map<String, String> options = new HashMap<>();
    for (String argument : arguments) {
      String[] parts = argument.split("=", 2);
      options.put(parts[0], parts.length == 2 ? parts[1] : "");
    }
    return options;
  }

  private static int number(Map<String, String> options, String name) {
    return Integer.parseInt(text(options, name));
  }

  private static String text(Map<String, String> options, String name) {
    String value = options.get(name);
    if (value == null) {
      throw new IllegalArgumentException("the argument " + name + "=... is missing");
    }
    return value;
  }
}
