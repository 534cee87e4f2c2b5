/** What one receiver got of one stream, and what it is still owed. */
import { SeqSet } from '../../src/fleet/seq-set.ts';
import type { QoS } from '../../src/mqtt/qos.ts';
import type { Receiver } from './receiver.ts';

export type Finding = 'duplicated' | 'reordered' | undefined;

export class Deliveries {
  readonly receiver: Receiver;
  readonly #seen = new SeqSet();
  /** When each message was acknowledged that has not arrived. */
  readonly #owed = new Map<number, number>();
  readonly #isOnce: boolean;
  #newest = 0;
  /** Up to there messages were under way before the subscription, and may come late, or again as if for the first time. */
  #unordered = 0;
  #repeats = 0;
  #forgiven = 0;

  constructor(receiver: Receiver, streamQos: QoS) {
    this.receiver = receiver;
    this.#isOnce = Math.min(streamQos, receiver.grantedQos) !== 1;
  }

  get delivered(): number {
    return this.#seen.size;
  }

  get owed(): number {
    return this.#owed.size;
  }

  /** Deliveries of what had been delivered before. */
  get repeats(): number {
    return this.#repeats;
  }

  /** Owed to a transient session when its connection was lost. */
  get forgiven(): number {
    return this.#forgiven;
  }

  acknowledged(seq: number, sentAtMs: number, nowMs: number): void {
    if (!this.#seen.has(seq) && this.receiver.isOwed(sentAtMs)) this.#owed.set(seq, nowMs);
  }

  /** What is wrong with it, and whether it is the first time. */
  arrived(seq: number): { readonly isFirst: boolean; readonly finding: Finding } {
    if (!this.#seen.add(seq)) {
      this.#repeats++;
      return { isFirst: false, finding: this.#isOnce ? 'duplicated' : undefined };
    }
    this.#owed.delete(seq);
    if (seq < this.#newest && seq > this.#unordered && this.receiver.keepsOrder)
      return { isFirst: true, finding: 'reordered' };
    this.#newest = Math.max(this.#newest, seq);
    return { isFirst: true, finding: undefined };
  }

  /** The receiver's session ended with its connection: what is under way to it may be lost, and what comes next begins anew. */
  forgive(): void {
    this.#forgiven += this.#owed.size;
    this.#owed.clear();
    this.#newest = 0;
    this.#unordered = Infinity;
  }

  /** SUBACK came to a receiver that begins anew; `published`: the number of the last message until now. */
  begin(published: number): void {
    this.#unordered = published;
  }

  /** How many messages are owed that were acknowledged before then. */
  owedSince(markMs: number): number {
    let count = 0;
    for (const acknowledgedAtMs of this.#owed.values()) if (acknowledgedAtMs < markMs) count++;
    return count;
  }

  owedMessages(): Iterable<number> {
    return this.#owed.keys();
  }
}
