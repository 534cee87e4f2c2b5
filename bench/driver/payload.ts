/**
 * The payload of a measured message: a small header that says which message it is and when it was due, then bytes no
 * store can compress. Messages differ in their random bytes too, so no compressor finds one message inside another.
 *
 * ```
 * run        uint32   messages of an earlier run are recognised and not counted
 * flow       uint32   which topic of this run
 * sequence   uint32   0, 1, 2 … per flow
 * due        float64  monotonic milliseconds at which the message was to be sent (not when the publisher got round to it)
 * filling    random   up to the payload's length
 * ```
 */
import { randomBytes } from 'node:crypto';

export const PAYLOAD_HEADER_BYTES = 20;

/** Larger than the windows of Snappy (64 KiB) and LZ4 (64 KiB), which is what the stores of the measured brokers use. */
const RANDOM_POOL_BYTES = 1 << 20;
/** Step through the pool, prime, so that the next copy starts far from the last one. */
const RANDOM_STRIDE = 299_993;

export interface MessageHeader {
  readonly run: number;
  readonly flow: number;
  readonly sequence: number;
  readonly dueMs: number;
}

const pool = randomBytes(RANDOM_POOL_BYTES);
let poolPosition = 0;

/** Writes a payload of `length` bytes (at least PAYLOAD_HEADER_BYTES) into `target` at `offset`. */
export function writePayload(
  target: Buffer,
  offset: number,
  length: number,
  run: number,
  flow: number,
  sequence: number,
  dueMs: number,
): void {
  target.writeUInt32BE(run, offset);
  target.writeUInt32BE(flow, offset + 4);
  target.writeUInt32BE(sequence, offset + 8);
  target.writeDoubleBE(dueMs, offset + 12);
  const filling = length - PAYLOAD_HEADER_BYTES;
  if (poolPosition + filling > RANDOM_POOL_BYTES) poolPosition %= RANDOM_POOL_BYTES - filling;
  pool.copy(target, offset + PAYLOAD_HEADER_BYTES, poolPosition, poolPosition + filling);
  poolPosition = (poolPosition + RANDOM_STRIDE) % RANDOM_POOL_BYTES;
}

export function readHeader(source: Buffer, offset: number): MessageHeader {
  return {
    run: source.readUInt32BE(offset),
    flow: source.readUInt32BE(offset + 4),
    sequence: source.readUInt32BE(offset + 8),
    dueMs: source.readDoubleBE(offset + 12),
  };
}
