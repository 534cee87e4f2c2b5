/**
 * Keeps a publisher's acknowledgements in the order of its packets, although the appends behind them finish in any
 * order [MQTT-4.6.0-2], [MQTT-4.6.0-3]. One ring, no object per message. How many may wait is the receive maximum's
 * business: the ring grows with what its caller admits.
 */
import type { AckType } from './decode-ack.ts';

/** Names one reservation until it is emitted. */
export type AckSlot = number;

export type EmitAck = (type: AckType, packetId: number, reasonCode: number) => void;

const TYPES: readonly AckType[] = ['puback', 'pubrec', 'pubrel', 'pubcomp'];
/** Power of two, as every capacity. */
const SLOTS_MIN = 16;
const WAITING = -1;

export class OrderedAcks {
  readonly #emit: EmitAck;
  #types = new Uint8Array(0);
  #packetIds = new Uint16Array(0);
  /** Reason code, or WAITING. */
  #reasons = new Int16Array(0);
  /** Oldest slot not emitted, and the one the next reservation gets. */
  #first = 0;
  #next = 0;

  constructor(emit: EmitAck) {
    this.#emit = emit;
  }

  /** Reservations not emitted yet. */
  get waiting(): number {
    return this.#next - this.#first;
  }

  /** Takes the next place in the order; call when the packet arrives. */
  reserve(type: AckType, packetId: number): AckSlot {
    if (this.waiting === this.#reasons.length) this.#grow();
    const index = this.#indexOf(this.#next);
    this.#types[index] = TYPES.indexOf(type);
    this.#packetIds[index] = packetId;
    this.#reasons[index] = WAITING;
    this.#next += 1;
    return this.#next - 1;
  }

  /** The acknowledgement may go; emits it and those behind it, once everything before it has gone. */
  complete(slot: AckSlot, reasonCode: number): void {
    if (slot < this.#first || slot >= this.#next || this.#reasons[this.#indexOf(slot)] !== WAITING) {
      throw new RangeError(`acknowledgement slot ${slot} is not waiting`);
    }
    this.#reasons[this.#indexOf(slot)] = reasonCode;
    if (slot === this.#first) this.#emitFinished();
  }

  #emitFinished(): void {
    while (this.#first < this.#next) {
      const index = this.#indexOf(this.#first);
      const reasonCode = this.#reasons[index] ?? WAITING;
      if (reasonCode === WAITING) return;
      this.#first += 1;
      this.#emit(TYPES[this.#types[index] ?? 0] ?? 'puback', this.#packetIds[index] ?? 0, reasonCode);
    }
  }

  #indexOf(slot: AckSlot): number {
    return slot & (this.#reasons.length - 1);
  }

  #grow(): void {
    const capacity = Math.max(SLOTS_MIN, 2 * this.#reasons.length);
    const types = new Uint8Array(capacity);
    const packetIds = new Uint16Array(capacity);
    const reasons = new Int16Array(capacity);
    for (let slot = this.#first; slot < this.#next; slot++) {
      const from = this.#indexOf(slot);
      const to = slot & (capacity - 1);
      types[to] = this.#types[from] ?? 0;
      packetIds[to] = this.#packetIds[from] ?? 0;
      reasons[to] = this.#reasons[from] ?? WAITING;
    }
    this.#types = types;
    this.#packetIds = packetIds;
    this.#reasons = reasons;
  }
}
