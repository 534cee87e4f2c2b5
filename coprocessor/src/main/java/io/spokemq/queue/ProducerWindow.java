package io.spokemq.queue;

import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * What a queue remembers of its producers, so that an append repeated after a time-out or a crash
 * changes nothing: the highest sequence and the position of the latest append of each of the most
 * recent ones. Unchanging: what changes it makes another one.
 *
 * <pre>
 * window := u8 count | count * (u16 bytes | producer | i64 sequence | i64 position)      least recent first
 * </pre>
 */
final class ProducerWindow {
  static final int PRODUCERS_REMEMBERED = 255;
  static final int PRODUCER_BYTES_MAX = 1024;
  static final ProducerWindow EMPTY = new ProducerWindow(new Entry[0]);

  private static final class Entry {
    final byte[] producer;
    final long sequence;
    final long position;

    Entry(byte[] producer, long sequence, long position) {
      this.producer = producer;
      this.sequence = sequence;
      this.position = position;
    }
  }

  /** Most recent last. */
  private final Entry[] entries;

  private ProducerWindow(Entry[] entries) {
    this.entries = entries;
  }

  /**
   * Position at rest of the producer's latest append if `sequence` was appended before, otherwise
   * 0.
   */
  long repeatOf(byte[] producer, long sequence) {
    int index = indexOf(producer);
    return index < 0 || sequence > entries[index].sequence ? 0 : entries[index].position;
  }

  /** The producer appended `sequence` at `position` and is now the most recent one. */
  ProducerWindow remember(byte[] producer, long sequence, long position) {
    int index = indexOf(producer);
    int forgotten = index < 0 && entries.length == PRODUCERS_REMEMBERED ? 0 : index;
    Entry[] next = forgotten < 0 ? Arrays.copyOf(entries, entries.length + 1) : entries.clone();
    if (forgotten >= 0) {
      System.arraycopy(entries, forgotten + 1, next, forgotten, entries.length - forgotten - 1);
    }
    // The name it had before, so that a queue does not keep one from every call.
    byte[] name = index < 0 ? producer : entries[index].producer;
    next[next.length - 1] = new Entry(name, sequence, position);
    return new ProducerWindow(next);
  }

  private int indexOf(byte[] producer) {
    for (int index = entries.length - 1; index >= 0; index--) {
      if (Arrays.equals(entries[index].producer, producer)) {
        return index;
      }
    }
    return -1;
  }

  int encodedBytes() {
    int bytes = 1;
    for (Entry entry : entries) {
      bytes += Short.BYTES + entry.producer.length + 2 * Long.BYTES;
    }
    return bytes;
  }

  void encode(ByteBuffer target) {
    target.put((byte) entries.length);
    for (Entry entry : entries) {
      target.putShort((short) entry.producer.length).put(entry.producer);
      target.putLong(entry.sequence).putLong(entry.position);
    }
  }

  static ProducerWindow decode(ByteBuffer source) {
    Entry[] entries = new Entry[Byte.toUnsignedInt(source.get())];
    for (int index = 0; index < entries.length; index++) {
      byte[] producer = new byte[Short.toUnsignedInt(source.getShort())];
      source.get(producer);
      entries[index] = new Entry(producer, source.getLong(), source.getLong());
    }
    return new ProducerWindow(entries);
  }

  /** Moves over an encoded window without making one. */
  static void skip(ByteBuffer source) {
    for (int left = Byte.toUnsignedInt(source.get()); left > 0; left--) {
      int producerBytes = Short.toUnsignedInt(source.getShort());
      source.position(source.position() + producerBytes + 2 * Long.BYTES);
    }
  }
}
