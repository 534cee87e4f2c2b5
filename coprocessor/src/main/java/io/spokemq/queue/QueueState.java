package io.spokemq.queue;

/**
 * What one queue is at a moment: where it begins and ends, what it holds, whom it heard from. A
 * state that calls can see never changes: a call changes a copy, and publishes it once the rows
 * that say the same are durable. Positions are those at rest.
 */
final class QueueState {
  /** Last position of the queue's former lives; the broker sees `position - base`. */
  long base;

  /** First position present, `next` when there is none. Nothing before it is ever shown again. */
  long first = 1;

  /** The position the next message gets. */
  long next = 1;

  /** Sizes of all messages before `next`, and of all before `first`. */
  long appendedBytes;

  long trimmedBytes;

  /** Positions from `first` on that are no longer there, and their sizes. */
  long holes;

  long holeBytes;
  ProducerWindow window = ProducerWindow.EMPTY;

  /** Null: the caller's default counts. */
  Quota quota;

  /** Dropped, and not used since. */
  boolean dropped;

  /** Whether a state row is there, and its `first` holds. */
  boolean stored;

  /**
   * Not at rest: whether a sweep has gone over the queue since it was recovered, so that its counts
   * are right and the expiry index has heard of every message.
   */
  boolean expiryKnown;

  /** Time of the newest cell in the state row; the next one is later, whatever the clock says. */
  long writtenAtMs;

  QueueState() {}

  private QueueState(QueueState other) {
    base = other.base;
    first = other.first;
    next = other.next;
    appendedBytes = other.appendedBytes;
    trimmedBytes = other.trimmedBytes;
    holes = other.holes;
    holeBytes = other.holeBytes;
    window = other.window;
    quota = other.quota;
    dropped = other.dropped;
    stored = other.stored;
    expiryKnown = other.expiryKnown;
    writtenAtMs = other.writtenAtMs;
  }

  QueueState copy() {
    return new QueueState(this);
  }

  long messages() {
    return next - first - holes;
  }

  long bytes() {
    return appendedBytes - trimmedBytes - holeBytes;
  }

  /** A message of `size` bytes comes to the end; returns its position. */
  long append(long size) {
    appendedBytes += size;
    dropped = false;
    return next++;
  }

  /**
   * The queue now begins at `newFirst`. `bytesBefore` are the sizes of all messages ever appended
   * before it; `rows` and `rowBytes` say what was present in the part that goes, so that the holes
   * in it can be told.
   */
  void advance(long newFirst, long bytesBefore, long rows, long rowBytes) {
    holes -= newFirst - first - rows;
    holeBytes -= bytesBefore - trimmedBytes - rowBytes;
    first = newFirst;
    trimmedBytes = bytesBefore;
  }

  /** The queue begins at `newFirst`, and everything from there on is present. */
  void beginAt(long newFirst, long bytesBefore) {
    first = newFirst;
    trimmedBytes = bytesBefore;
    holes = 0;
    holeBytes = 0;
  }

  /** Nothing is left. */
  void empty() {
    beginAt(next, appendedBytes);
  }

  /** A message behind `first` went. */
  void makeHole(long size) {
    holes++;
    holeBytes += size;
  }

  /**
   * The broker starts again at 1, the rows never do: a delete marker or an old file can hide or
   * show no later message.
   */
  void drop() {
    empty();
    base = next - 1;
    window = ProducerWindow.EMPTY;
    quota = null;
    dropped = true;
  }

  /** Position at rest of one that a broker names; too large a one stays too large. */
  long atRest(long seq) {
    return seq > Long.MAX_VALUE - base ? Long.MAX_VALUE : base + seq;
  }

  long seqOf(long position) {
    return position - base;
  }
}
