/**
 * The messages of one queue that are on their way to one client at QoS 1 and 2. Entries are queue positions, packet
 * identifiers are derived from them, and the window knows how far the queue is finished. It sends nothing and stores
 * nothing: one byte per position between the oldest unfinished one and the newest.
 *
 *   QoS 1: sent ── PUBACK ──► finished
 *   QoS 2: sent ── PUBREC ──► received ── PUBREL sent ──► released ── PUBCOMP ──► finished
 */

/** Packet identifiers 1 to 65,535: as many positions can be told apart, the oldest unfinished one included. */
export const WINDOW_RANGE_MAX = 65_535;

const SLOTS_MIN = 16;
/** An empty window gives back a ring larger than this. */
const SLOTS_KEPT = 1024;

/** 0 is an unused slot. */
const STATE = { sentQoS1: 1, sentQoS2: 2, received: 3, released: 4, finished: 5 } as const;

export type InFlightState = 'sentQoS1' | 'sentQoS2' | 'received' | 'released';
const STATE_NAMES: readonly (InFlightState | undefined)[] = [
  undefined,
  'sentQoS1',
  'sentQoS2',
  'received',
  'released',
  undefined,
];

/** The identifier of the message at a queue position: the same after a crash, on any broker. */
export function packetIdOf(seq: number): number {
  return (seq % WINDOW_RANGE_MAX) + 1;
}

export class InFlightWindow {
  /** Oldest position that is not finished; equal to `#next` when nothing is in flight. */
  #first: number;
  /** The position after the newest one. */
  #next: number;
  /** State of each position in [first, next), at `seq & (length - 1)`. */
  #states = new Uint8Array(0);
  #inFlight = 0;

  /** `firstSeq`: the first position that will be sent, usually the queue's lowest. */
  constructor(firstSeq: number) {
    this.#first = firstSeq;
    this.#next = firstSeq;
  }

  /** Positions sent and not finished. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Every position up to and including this one is finished: the queue may be trimmed through it. */
  get ackedThrough(): number {
    return this.#first - 1;
  }

  /** The position that is sent or skipped next, unless some are missing from the queue. */
  get nextSeq(): number {
    return this.#next;
  }

  /** The next position would have the packet identifier of the oldest unfinished one. */
  get rangeFull(): boolean {
    return !this.fits(this.#next);
  }

  /** Whether `seq`, at or after `nextSeq`, can be sent or skipped now. */
  fits(seq: number): boolean {
    return this.#inFlight === 0 || seq - this.#first < WINDOW_RANGE_MAX;
  }

  /** PUBLISH goes out. Positions between `nextSeq` and `seq` are no longer in the queue and count as finished. */
  sent(seq: number, qos: 1 | 2): void {
    this.#add(seq, qos === 1 ? STATE.sentQoS1 : STATE.sentQoS2);
  }

  /** As `sent`, for a position whose PUBREC an earlier connection recorded: PUBREL goes out in place of PUBLISH. */
  resumed(seq: number): void {
    this.#add(seq, STATE.released);
  }

  /** The message at `seq` will not be sent (expired, dropped, QoS 0): finished at once. */
  skip(seq: number): void {
    this.#passOver(seq);
    this.#extendTo(seq, STATE.finished);
    this.#advance();
  }

  /** PUBACK: finished. Returns the position; undefined: no QoS 1 message of that identifier waits. */
  acknowledge(packetId: number): number | undefined {
    return this.#finish(packetId, STATE.sentQoS1);
  }

  /**
   * PUBREC without an error. Returns the position, again if the client repeats itself: record it, then `released`.
   * undefined: no QoS 2 message of that identifier waits; the answer is PUBREL with 0x92.
   */
  received(packetId: number): number | undefined {
    const seq = this.#seqOf(packetId);
    switch (this.#stateAt(seq)) {
      case STATE.sentQoS2:
        this.#set(seq, STATE.received);
        return seq;
      case STATE.received:
      case STATE.released:
        return seq;
      default:
        return undefined;
    }
  }

  /** PUBREC with an error (0x80 and above) ends the exchange: finished. Returns as `acknowledge`. */
  refused(packetId: number): number | undefined {
    return this.#finish(packetId, STATE.sentQoS2);
  }

  /** PUBREL goes out, the PUBREC being durable. Returns the position; undefined: there was no PUBREC. */
  released(packetId: number): number | undefined {
    const seq = this.#seqOf(packetId);
    const state = this.#stateAt(seq);
    if (state !== STATE.received && state !== STATE.released) return undefined;
    this.#set(seq, STATE.released);
    return seq;
  }

  /** PUBCOMP: finished. Returns the position; undefined: no PUBREL of that identifier is out. */
  complete(packetId: number): number | undefined {
    return this.#finish(packetId, STATE.released);
  }

  /** undefined: nothing of that identifier is in flight. */
  stateOf(packetId: number): InFlightState | undefined {
    return STATE_NAMES[this.#stateAt(this.#seqOf(packetId))];
  }

  #add(seq: number, state: number): void {
    this.#passOver(seq);
    this.#extendTo(seq, state);
    this.#inFlight += 1;
  }

  /** Finishes what lies between the newest position and `seq`. Free of cost when nothing is in flight. */
  #passOver(seq: number): void {
    if (seq < this.#next) throw new RangeError(`position ${seq} comes after ${this.#next - 1} in a window`);
    if (!this.fits(seq)) throw new RangeError(`position ${seq} is out of range of ${this.#first}`);
    if (this.#inFlight === 0) {
      this.#first = seq;
      this.#next = seq;
    }
    while (this.#next < seq) this.#extendTo(this.#next, STATE.finished);
  }

  #extendTo(seq: number, state: number): void {
    if (seq - this.#first >= this.#states.length) this.#grow();
    this.#set(seq, state);
    this.#next = seq + 1;
  }

  #finish(packetId: number, from: number): number | undefined {
    const seq = this.#seqOf(packetId);
    if (this.#stateAt(seq) !== from) return undefined;
    this.#set(seq, STATE.finished);
    this.#inFlight -= 1;
    this.#advance();
    return seq;
  }

  /** Moves behind the finished prefix. */
  #advance(): void {
    while (this.#first < this.#next && this.#stateAt(this.#first) === STATE.finished) this.#first += 1;
    if (this.#first === this.#next && this.#states.length > SLOTS_KEPT) this.#states = new Uint8Array(0);
  }

  /** The one position from the oldest on that has this identifier; perhaps beyond the newest. */
  #seqOf(packetId: number): number {
    const ahead = packetId - packetIdOf(this.#first);
    return this.#first + (ahead < 0 ? ahead + WINDOW_RANGE_MAX : ahead);
  }

  #stateAt(seq: number): number {
    if (seq < this.#first || seq >= this.#next) return 0;
    return this.#states[seq & (this.#states.length - 1)] ?? 0;
  }

  #set(seq: number, state: number): void {
    this.#states[seq & (this.#states.length - 1)] = state;
  }

  #grow(): void {
    const grown = new Uint8Array(Math.max(SLOTS_MIN, 2 * this.#states.length));
    for (let seq = this.#first; seq < this.#next; seq++) grown[seq & (grown.length - 1)] = this.#stateAt(seq);
    this.#states = grown;
  }
}
