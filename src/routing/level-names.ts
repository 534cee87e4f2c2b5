/**
 * The levels that filters are made of, each text once and known by number. A level is forgotten with its last use.
 */
import { hashBytes, HashIndex, NONE } from '../packed/hash-index.ts';
import { IntRows } from '../packed/int-rows.ts';
import { Numbering } from '../packed/numbering.ts';
import { PackedWriter, textEnd } from '../packed/packed-bytes.ts';
import { Slab } from '../packed/slab.ts';

// Row:  address of the text | uses
const ADDRESS = 0;
const USES = 1;
const FIELDS = 2;

export class LevelNames {
  readonly #numbers = new Numbering();
  readonly #rows = new IntRows(FIELDS);
  readonly #index = new HashIndex();
  readonly #texts = new Slab();
  readonly #key = new PackedWriter();

  /** The level's number, or NONE when no filter has it. */
  find(text: string): number {
    this.#key.reset().text(text);
    return this.#findKey(this.#keyHash());
  }

  /** Counts one more use of the level and returns its number. */
  use(text: string): number {
    this.#key.reset().text(text);
    const hash = this.#keyHash();
    let level = this.#findKey(hash);
    if (level === NONE) {
      level = this.#numbers.take();
      this.#index.add(level, hash);
      this.#rows.set(level, ADDRESS, this.#storeKey());
      this.#rows.set(level, USES, 0);
    }
    return this.useAgain(level);
  }

  /** Counts one more use of a level that is in use, and returns its number. */
  useAgain(level: number): number {
    this.#rows.set(level, USES, this.#rows.get(level, USES) + 1);
    return level;
  }

  /** Takes one use back. */
  release(level: number): void {
    const uses = this.#rows.get(level, USES) - 1;
    this.#rows.set(level, USES, uses);
    if (uses > 0) return;
    const address = this.#rows.get(level, ADDRESS);
    const texts = this.#texts.bufferOf(address);
    const start = this.#texts.startOf(address);
    this.#index.remove(level, hashBytes(texts, start, textEnd(texts, start)));
    this.#texts.free(address);
    this.#numbers.giveBack(level);
  }

  #keyHash(): number {
    return hashBytes(this.#key.bytes, 0, this.#key.end);
  }

  #findKey(hash: number): number {
    for (let level = this.#index.first(hash); level !== NONE; level = this.#index.after(level, hash)) {
      if (this.#isKey(level)) return level;
    }
    return NONE;
  }

  #isKey(level: number): boolean {
    const address = this.#rows.get(level, ADDRESS);
    return this.#key.isAt(this.#texts.bufferOf(address), this.#texts.startOf(address));
  }

  #storeKey(): number {
    const address = this.#texts.allocate(this.#key.end);
    this.#key.copyTo(this.#texts.bufferOf(address), this.#texts.startOf(address));
    return address;
  }
}
