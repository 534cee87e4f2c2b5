/**
 * Buffers for bytes on their way out, shared by all connections: one is taken for the first byte of a turn and comes
 * back when the socket has taken it, so an idle connection holds none. Taking never fails; the pool bounds only what
 * it keeps for reuse.
 */

/** Several packets of a usual size; far more connections than fit the cache may each hold one at a time. */
export const CHUNK_BYTES = 16_384;

/** Chunks kept for reuse (8 MiB); what comes back above that is left to the garbage collector. */
export const CHUNKS_KEPT_MAX = 512;

export class ChunkPool {
  readonly #free: Buffer[] = [];

  /** A buffer of CHUNK_BYTES with arbitrary content. */
  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES);
  }

  /** The caller gives up every view it holds. Buffers of another size are not kept. */
  giveBack(chunks: readonly Buffer[]): void {
    for (const chunk of chunks) {
      if (chunk.length === CHUNK_BYTES && this.#free.length < CHUNKS_KEPT_MAX) this.#free.push(chunk);
    }
  }

  /** Chunks held for reuse, now. */
  get kept(): number {
    return this.#free.length;
  }
}
