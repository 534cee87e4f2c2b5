/**
 * Gathers the acknowledgements a driver owes for a few milliseconds and writes them with one call per connection: a system
 * call per message would make the driver dearer than the brokers it measures. Every broker is treated alike, and delivery is
 * timed before its acknowledgement, so no latency includes the delay.
 */

/** Small against every latency that is judged; a broker with a window of 20 messages could still do 10,000/s per client. */
const ACK_DELAY_MS = 2;
const ACK_BYTES = 4;
const BATCH_BYTES = 256 * ACK_BYTES;

const waiting: AckBatch[] = [];

export class AckBatch {
  readonly #write: (bytes: Buffer) => void;
  /** Allocated with the first acknowledgement: most connections of a driver may be idle. */
  #bytes: Buffer | undefined;
  #used = 0;

  constructor(write: (bytes: Buffer) => void) {
    this.#write = write;
  }

  add(firstByte: number, packetId: number): void {
    this.#bytes ??= Buffer.allocUnsafeSlow(BATCH_BYTES);
    if (this.#used === 0) enqueue(this);
    else if (this.#used === BATCH_BYTES) this.flush();
    const bytes = this.#bytes;
    bytes[this.#used] = firstByte;
    bytes[this.#used + 1] = 2;
    bytes[this.#used + 2] = packetId >>> 8;
    bytes[this.#used + 3] = packetId & 0xff;
    this.#used += ACK_BYTES;
  }

  flush(): void {
    if (this.#used === 0 || this.#bytes === undefined) return;
    // A copy, because the socket may keep what it is given until the kernel takes it.
    this.#write(Buffer.from(this.#bytes.subarray(0, this.#used)));
    this.#used = 0;
  }
}

function enqueue(batch: AckBatch): void {
  if (waiting.length === 0) setTimeout(flushAll, ACK_DELAY_MS);
  waiting.push(batch);
}

function flushAll(): void {
  for (const batch of waiting.splice(0)) batch.flush();
}
