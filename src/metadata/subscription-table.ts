/**
 * Which session each subscription of one partition belongs to: three integers and a place in an index each, because there are several millions. Subscriptions
 * are told apart by 64 bits of hash; two out of ten millions that share them are one chance in a million, and then a late record
 * may be taken for one that counts.
 */
import { hashBytes, HashIndex, NONE } from '../packed/hash-index.ts';
import { IntRows } from '../packed/int-rows.ts';
import { Numbering } from '../packed/numbering.ts';
import { PackedWriter } from '../packed/packed-bytes.ts';
import type { SessionId } from '../tenancy/identity.ts';

// Row:  other half of the hash, the index has the first | session id, low and high 32 bits
const CHECK = 0;
const SESSION_LOW = 1;
const SESSION_HIGH = 2;
const FIELDS = 3;

const LOW = 2 ** 32;

export class SubscriptionTable {
  readonly #numbers = new Numbering();
  readonly #rows = new IntRows(FIELDS);
  readonly #index = new HashIndex();
  readonly #key = new PackedWriter();

  get size(): number {
    return this.#index.size;
  }

  get(key: string): SessionId | undefined {
    const row = this.#find(this.#hash(key));
    if (row === NONE) return undefined;
    const low = this.#rows.get(row, SESSION_LOW) >>> 0;
    return (this.#rows.get(row, SESSION_HIGH) * LOW + low) as SessionId;
  }

  set(key: string, sessionId: SessionId): void {
    const hash = this.#hash(key);
    let row = this.#find(hash);
    if (row === NONE) {
      row = this.#numbers.take();
      this.#rows.set(row, CHECK, this.#check());
      this.#index.add(row, hash);
    }
    this.#rows.set(row, SESSION_LOW, sessionId | 0);
    this.#rows.set(row, SESSION_HIGH, Math.floor(sessionId / LOW));
  }

  delete(key: string): void {
    const hash = this.#hash(key);
    const row = this.#find(hash);
    if (row === NONE) return;
    this.#index.remove(row, hash);
    this.#numbers.giveBack(row);
  }

  #hash(key: string): number {
    const packed = this.#key.reset();
    packed.text(key);
    return hashBytes(packed.bytes, 0, packed.end);
  }

  /** Of the key that was hashed last. */
  #find(hash: number): number {
    const check = this.#check();
    for (let row = this.#index.first(hash); row !== NONE; row = this.#index.after(row, hash)) {
      if (this.#rows.get(row, CHECK) === check) return row;
    }
    return NONE;
  }

  /** Another 32 bits of hash of the key that was hashed last, by other means than the first. */
  #check(): number {
    const { bytes, end } = this.#key;
    let hash = end;
    for (let index = 0; index < end; index++) {
      hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) + (bytes[index] ?? 0);
    }
    hash = Math.imul(hash ^ (hash >>> 12), 0x297a2d39);
    return hash ^ (hash >>> 15);
  }
}
