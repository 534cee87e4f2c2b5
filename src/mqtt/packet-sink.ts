/**
 * Where packets are encoded: into a buffer, one behind the other, so that a connection's output of one turn is one
 * write. Whose buffer it is, and how much of it there may be, is the sink's own business.
 */
export interface PacketSink {
  /** Encoders write here from `length` on, after `ensure`, and move `length`. */
  buffer: Buffer;
  length: number;
  /** Makes room for `count` more contiguous bytes; may replace `buffer` and `length`. */
  ensure(count: number): void;
}
