/** How much of each segment is still wanted: what decides which segments go and which are rewritten. */

export interface SegmentLoad {
  messages: number;
  bytes: number;
}

/** Record and index overhead of a message, about; only ratios depend on it. */
const OVERHEAD_BYTES = 80;

export class SegmentUsage {
  readonly #loads = new Map<number, SegmentLoad>();
  #latest: SegmentLoad = { messages: 0, bytes: 0 };
  #latestSegment = -1;
  #liveBytes = 0;

  /** Of all segments together. */
  get liveBytes(): number {
    return this.#liveBytes;
  }

  add(segment: number, bytes: number): void {
    const load = this.#loadOf(segment);
    load.messages++;
    load.bytes += bytes + OVERHEAD_BYTES;
    this.#liveBytes += bytes + OVERHEAD_BYTES;
  }

  release(segment: number, bytes: number): void {
    const load = this.#loadOf(segment);
    load.messages--;
    load.bytes -= bytes + OVERHEAD_BYTES;
    this.#liveBytes -= bytes + OVERHEAD_BYTES;
  }

  messages(segment: number): number {
    return this.#loads.get(segment)?.messages ?? 0;
  }

  bytes(segment: number): number {
    return this.#loads.get(segment)?.bytes ?? 0;
  }

  /** The segment is gone from disk. */
  forget(segment: number): void {
    this.#loads.delete(segment);
    if (segment === this.#latestSegment) this.#latestSegment = -1;
  }

  #loadOf(segment: number): SegmentLoad {
    if (segment === this.#latestSegment) return this.#latest;
    let load = this.#loads.get(segment);
    if (load === undefined) {
      load = { messages: 0, bytes: 0 };
      this.#loads.set(segment, load);
    }
    this.#latest = load;
    this.#latestSegment = segment;
    return load;
  }
}
