package io.spokemq.queue;

import com.google.protobuf.ByteString;
import com.google.protobuf.ServiceException;
import io.spokemq.queue.protocol.QueueProtocol;
import io.spokemq.queue.protocol.QueueProtocol.AppendEntry;
import io.spokemq.queue.protocol.QueueProtocol.AppendRequest;
import io.spokemq.queue.protocol.QueueProtocol.BoundsRequest;
import io.spokemq.queue.protocol.QueueProtocol.DropRequest;
import io.spokemq.queue.protocol.QueueProtocol.MarkRequest;
import io.spokemq.queue.protocol.QueueProtocol.QueueAppend;
import io.spokemq.queue.protocol.QueueProtocol.QueueAppendResult;
import io.spokemq.queue.protocol.QueueProtocol.QueueBounds;
import io.spokemq.queue.protocol.QueueProtocol.QueueService;
import io.spokemq.queue.protocol.QueueProtocol.QueueTrim;
import io.spokemq.queue.protocol.QueueProtocol.QuotaPolicy;
import io.spokemq.queue.protocol.QueueProtocol.ReadEntry;
import io.spokemq.queue.protocol.QueueProtocol.ReadRequest;
import io.spokemq.queue.protocol.QueueProtocol.SetQuotaRequest;
import io.spokemq.queue.protocol.QueueProtocol.StatisticsRequest;
import io.spokemq.queue.protocol.QueueProtocol.StatisticsResponse;
import io.spokemq.queue.protocol.QueueProtocol.SweepRequest;
import io.spokemq.queue.protocol.QueueProtocol.SweepResponse;
import io.spokemq.queue.protocol.QueueProtocol.TrimRequest;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.apache.hadoop.hbase.TableName;
import org.apache.hadoop.hbase.client.ColumnFamilyDescriptorBuilder;
import org.apache.hadoop.hbase.client.RegionInfo;
import org.apache.hadoop.hbase.client.Table;
import org.apache.hadoop.hbase.client.TableDescriptorBuilder;
import org.apache.hadoop.hbase.regionserver.HRegion;

/**
 * A table of queues on the local cluster, called as a broker calls it: over a connection, one
 * request at a time.
 */
final class TestQueues {
  static final QueueProtocol.Quota GENEROUS = quota(100_000, 1 << 30, QuotaPolicy.REJECT);
  static final Map<String, String> RESTRICTED_SPLITS =
      Map.of(
          "hbase.regionserver.region.split_restriction.type", "KeyPrefix",
          "hbase.regionserver.region.split_restriction.prefix_length", "8");
  static final long NOW_MS = 1_700_000_000_000L;
  private static final AtomicLong TABLES = new AtomicLong();
  private static final AtomicLong SEQUENCES = new AtomicLong();

  final LocalCluster cluster = LocalCluster.shared();
  final TableName name;
  final Table table;
  QueueProtocol.Quota defaultQuota = GENEROUS;

  TestQueues() throws Exception {
    this(messages -> {}, RESTRICTED_SPLITS);
  }

  /** A table whose message family and whose attributes differ from the usual ones. */
  TestQueues(Consumer<ColumnFamilyDescriptorBuilder> family, Map<String, String> attributes)
      throws Exception {
    name = TableName.valueOf("queues" + TABLES.incrementAndGet());
    ColumnFamilyDescriptorBuilder messages =
        ColumnFamilyDescriptorBuilder.newBuilder(MessageRow.FAMILY);
    family.accept(messages);
    TableDescriptorBuilder descriptor =
        TableDescriptorBuilder.newBuilder(name)
            .setColumnFamily(messages.build())
            .setColumnFamily(ColumnFamilyDescriptorBuilder.of(StateRow.FAMILY))
            .setCoprocessor(QueueEndpoint.class.getName());
    attributes.forEach(descriptor::setValue);
    cluster.admin().createTable(descriptor.build());
    table = cluster.connection().getTable(name);
  }

  static byte[] queue(long session) {
    return queue(session, QueueKey.PENDING);
  }

  static byte[] queue(long session, byte kind) {
    byte[] tenant = "default".getBytes(StandardCharsets.US_ASCII);
    return ByteBuffer.allocate(8 + 1 + tenant.length + 2)
        .putLong(Long.reverse(session))
        .put((byte) '_')
        .put(tenant)
        .put((byte) '_')
        .put(kind)
        .array();
  }

  static QueueProtocol.Quota quota(long messages, long bytes, QuotaPolicy policy) {
    return QueueProtocol.Quota.newBuilder()
        .setMessagesMax(messages)
        .setBytesMax(bytes)
        .setPolicy(policy)
        .build();
  }

  QueueService.BlockingInterface service(byte[] queue) {
    return QueueService.newBlockingStub(table.coprocessorService(queue));
  }

  /** One request for one region. */
  static final class Batch {
    final AppendRequest.Builder request = AppendRequest.newBuilder();
    private final List<ByteString> bodies = new ArrayList<>();

    Batch(QueueProtocol.Quota defaultQuota, String producer) {
      request.setDefaultQuota(defaultQuota).setNowMs(NOW_MS).addProducer(producer);
    }

    Batch queue(byte[] queue, AppendEntry... entries) {
      request.addAppend(
          QueueAppend.newBuilder()
              .setQueue(ByteString.copyFrom(queue))
              .addAllEntry(List.of(entries)));
      return this;
    }

    AppendEntry entry(String body) {
      return timed(body, null, null);
    }

    AppendEntry timed(String body, Long expiresAtMs, Long ttlMs) {
      return entry(body, SEQUENCES.incrementAndGet(), expiresAtMs, ttlMs);
    }

    AppendEntry entry(String body, long sequence, Long expiresAtMs, Long ttlMs) {
      request.addBody(ByteString.copyFromUtf8(body));
      AppendEntry.Builder entry =
          AppendEntry.newBuilder()
              .setProducer(0)
              .setSequence(sequence)
              .setBody(request.getBodyCount() - 1)
              .setDelivery(ByteString.EMPTY)
              .setSize(body.length());
      if (expiresAtMs != null) {
        entry.setExpiresAtMs(expiresAtMs);
      }
      if (ttlMs != null) {
        entry.setTtlMs(ttlMs);
      }
      return entry.build();
    }
  }

  Batch batch() {
    return new Batch(defaultQuota, "broker#1");
  }

  List<QueueAppendResult> send(byte[] region, Batch batch) throws Exception {
    return service(region).append(null, batch.request.build()).getResultList();
  }

  QueueAppendResult append(byte[] queue, String... bodies) throws Exception {
    Batch batch = batch();
    AppendEntry[] entries = new AppendEntry[bodies.length];
    for (int index = 0; index < bodies.length; index++) {
      entries[index] = batch.entry(bodies[index]);
    }
    return send(queue, batch.queue(queue, entries)).get(0);
  }

  /** One message that expires at `expiresAtMs`, without a time to live at rest. */
  QueueAppendResult appendExpiring(byte[] queue, String body, long expiresAtMs) throws Exception {
    Batch batch = batch();
    return send(queue, batch.queue(queue, batch.timed(body, expiresAtMs, null))).get(0);
  }

  List<ReadEntry> read(byte[] queue, long from) throws Exception {
    return read(queue, from, 10_000, 1 << 30);
  }

  List<ReadEntry> read(byte[] queue, long from, int messagesMax, long bytesMax) throws Exception {
    return service(queue)
        .read(
            null,
            ReadRequest.newBuilder()
                .setQueue(ByteString.copyFrom(queue))
                .setFrom(from)
                .setMessagesMax(messagesMax)
                .setBytesMax(bytesMax)
                .build())
        .getEntryList();
  }

  /** `seq=body`, a marked one with `*`. */
  List<String> texts(byte[] queue) throws Exception {
    List<String> texts = new ArrayList<>();
    for (ReadEntry entry : read(queue, 1)) {
      texts.add(
          entry.getSeq() + "=" + entry.getValue().toStringUtf8() + (entry.getMarked() ? "*" : ""));
    }
    return texts;
  }

  void trim(byte[] queue, long through) throws Exception {
    service(queue)
        .trim(
            null,
            TrimRequest.newBuilder()
                .addTrim(
                    QueueTrim.newBuilder().setQueue(ByteString.copyFrom(queue)).setThrough(through))
                .build());
  }

  void mark(byte[] queue, Long... seqs) throws Exception {
    service(queue)
        .mark(
            null,
            MarkRequest.newBuilder()
                .setQueue(ByteString.copyFrom(queue))
                .addAllSeq(List.of(seqs))
                .build());
  }

  void drop(byte[] queue) throws Exception {
    service(queue)
        .drop(null, DropRequest.newBuilder().addQueue(ByteString.copyFrom(queue)).build());
  }

  /** `quota` null: back to the default. */
  void setQuota(byte[] queue, QueueProtocol.Quota quota) throws Exception {
    SetQuotaRequest.Builder request =
        SetQuotaRequest.newBuilder().setQueue(ByteString.copyFrom(queue));
    service(queue).setQuota(null, (quota == null ? request : request.setQuota(quota)).build());
  }

  /** `min next messages bytes`. */
  String bounds(byte[] queue) throws Exception {
    QueueBounds bounds =
        service(queue)
            .bounds(null, BoundsRequest.newBuilder().addQueue(ByteString.copyFrom(queue)).build())
            .getBounds(0);
    return bounds.getMin()
        + " "
        + bounds.getNext()
        + " "
        + bounds.getMessages()
        + " "
        + bounds.getBytes();
  }

  SweepResponse sweep(byte[] queue, long nowMs) throws Exception {
    return service(queue)
        .sweep(null, SweepRequest.newBuilder().setNowMs(nowMs).setBudgetMs(30_000).build());
  }

  StatisticsResponse statistics(byte[] queue) throws Exception {
    return service(queue).statistics(null, StatisticsRequest.getDefaultInstance());
  }

  RegionInfo regionOf(byte[] queue) throws IOException {
    return cluster.connection().getRegionLocator(name).getRegionLocation(queue, true).getRegion();
  }

  HRegion openRegion(byte[] queue) throws Exception {
    return cluster.region(regionOf(queue));
  }

  void flush(byte[] queue) throws Exception {
    openRegion(queue).flush(true);
  }

  void compact(byte[] queue) throws Exception {
    openRegion(queue).compact(true);
  }

  /** Closes the region, which flushes it, and opens it on the other server. */
  void move(byte[] queue) throws Exception {
    RegionInfo region = regionOf(queue);
    cluster.region(region);
    cluster.admin().move(region.getEncodedNameAsBytes(), cluster.otherServer(region));
    cluster.region(region);
  }

  /**
   * What is remembered of the region's queues is forgotten, as when its server restarts; nothing is
   * flushed.
   */
  void kill(byte[] queue) throws Exception {
    RegionInfo region = regionOf(queue);
    cluster.killServerOf(region);
    cluster.region(region);
  }

  /** Splits the queue's region at `splitPoint` and waits for the daughters. */
  void split(byte[] queue, byte[] splitPoint) throws Exception {
    RegionInfo parent = regionOf(queue);
    cluster.region(parent);
    cluster
        .admin()
        .splitRegionAsync(parent.getEncodedNameAsBytes(), splitPoint)
        .get(60, TimeUnit.SECONDS);
    for (RegionInfo region : cluster.admin().getRegions(name)) {
      cluster.region(region);
    }
    // Servers that once had the parent point to each other for two minutes, and HBase's client
    // believes them instead of looking into hbase:meta.
    cluster.connection().clearRegionLocationCache();
  }

  /** The error of the endpoint behind what the client's stub throws. */
  static Throwable causeOf(Throwable thrown) {
    return thrown instanceof ServiceException && thrown.getCause() != null
        ? thrown.getCause()
        : thrown;
  }
}
