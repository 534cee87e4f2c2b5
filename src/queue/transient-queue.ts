/**
 * Pending messages of a transient session: in memory, bounded by messages and bytes, gone with the connection.
 * Costs nothing until the first message has to wait.
 */
import type { QueueQuota } from './durable-queue.ts';
import { detach, messageBytes, type QueuedMessage } from './message.ts';

const SLOTS_MIN = 16;

export class TransientQueue {
  #slots: (QueuedMessage | undefined)[] = [];
  #head = 0;
  #length = 0;
  #bytes = 0;

  get length(): number {
    return this.#length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Appends a message that owns its bytes. Returns how many messages were dropped to keep the quota: the oldest
   * ones with `drop-oldest`, otherwise this one.
   */
  push(queued: QueuedMessage, quota: QueueQuota): number {
    const bytes = messageBytes(queued.message);
    let dropped = 0;
    while (this.#length >= quota.messagesMax || (this.#bytes + bytes > quota.bytesMax && this.#length > 0)) {
      if (quota.policy !== 'drop-oldest') return 1;
      this.shift();
      dropped++;
    }
    if (this.#length === this.#slots.length) this.#grow();
    this.#slots[(this.#head + this.#length) % this.#slots.length] = {
      ...queued,
      message: detach(queued.message),
    };
    this.#length++;
    this.#bytes += bytes;
    return dropped;
  }

  shift(): QueuedMessage | undefined {
    if (this.#length === 0) return undefined;
    const queued = this.#slots[this.#head];
    this.#slots[this.#head] = undefined;
    this.#head = (this.#head + 1) % this.#slots.length;
    this.#length--;
    if (queued !== undefined) this.#bytes -= messageBytes(queued.message);
    if (this.#length === 0) this.#reset();
    return queued;
  }

  #grow(): void {
    const slots = new Array<QueuedMessage | undefined>(Math.max(SLOTS_MIN, 2 * this.#slots.length));
    for (let index = 0; index < this.#length; index++) {
      slots[index] = this.#slots[(this.#head + index) % this.#slots.length];
    }
    this.#slots = slots;
    this.#head = 0;
  }

  #reset(): void {
    this.#head = 0;
    if (this.#slots.length > SLOTS_MIN) this.#slots = [];
  }
}
