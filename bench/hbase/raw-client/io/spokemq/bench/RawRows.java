package io.spokemq.bench;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.SplittableRandom;
import org.apache.hadoop.hbase.client.Put;

/**
 * Makes the rows that the queue endpoint would write for one message each of an append, byte for byte as long and laid out the
 * same way (docs/adr/0005-queues-in-hbase.md): so that puts of them show what HBase itself costs. Payloads do not compress.
 */
final class RawRows {
  static final int PAYLOAD_BYTES = 1024;
  /** One region per value of the first byte's upper seven bits. */
  static final int REGIONS = 128;

  private static final byte[] FAMILY = bytes("m");
  private static final byte[] VALUE = bytes("v");
  private static final byte[] QUEUE_KEY_TAIL = bytes("_default_\u0001");
  private static final byte[] PRODUCER = bytes("bench#1");
  private static final byte[] TOPIC = bytes("bikes/17/telemetry");
  private static final byte[] PUBLISHER = bytes("operator");
  private static final int DELIVERY_BYTES = 3;

  /** Larger than any compressor's window here; the next payload begins a prime number of bytes further. */
  private static final int ENTROPY_BYTES = 1 << 20;
  private static final int ENTROPY_STRIDE = 299_993;

  private final byte[] entropy = new byte[ENTROPY_BYTES];
  private int entropyAt;

  RawRows(long seed) {
    new SplittableRandom(seed).nextBytes(entropy);
  }

  static int regionOf(long sessionId) {
    return (int) (Long.reverse(sessionId) >>> 57);
  }

  Put message(long sessionId, long position) {
    byte[] row = ByteBuffer.allocate(Long.BYTES + QUEUE_KEY_TAIL.length + Long.BYTES)
        .putLong(Long.reverse(sessionId)).put(QUEUE_KEY_TAIL).putLong(position).array();
    return new Put(row).addColumn(FAMILY, VALUE, value(position));
  }

  private byte[] value(long position) {
    int window = 1 + Short.BYTES + PRODUCER.length + 2 * Long.BYTES;
    int body = 2 + Double.BYTES + 2 * Short.BYTES + 2 * Integer.BYTES + TOPIC.length + PUBLISHER.length + PAYLOAD_BYTES;
    ByteBuffer value = ByteBuffer.allocate(2 + Long.BYTES + Integer.BYTES + window + DELIVERY_BYTES + body);
    int size = TOPIC.length + PAYLOAD_BYTES;
    value.put((byte) 1).put((byte) 1).putLong(position * size).putInt(size);
    value.put((byte) 1).putShort((short) PRODUCER.length).put(PRODUCER).putLong(position).putLong(position);
    value.put((byte) 1).putShort((short) 0);
    value.put((byte) 1).put((byte) 1).putDouble(System.currentTimeMillis());
    value.putShort((short) TOPIC.length).putShort((short) PUBLISHER.length).putInt(0).putInt(PAYLOAD_BYTES);
    value.put(TOPIC).put(PUBLISHER).put(entropy, nextEntropy(), PAYLOAD_BYTES);
    return value.array();
  }

  private int nextEntropy() {
    entropyAt = (entropyAt + ENTROPY_STRIDE) % (ENTROPY_BYTES - PAYLOAD_BYTES);
    return entropyAt;
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
