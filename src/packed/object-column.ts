/** Objects of the few, among very many things known by number, that have one at the moment. */

const PIECE_BITS = 12;
const PIECE_ITEMS = 1 << PIECE_BITS;
const PIECE_MASK = PIECE_ITEMS - 1;

export class ObjectColumn<T> {
  readonly #pieces: ((T | undefined)[] | undefined)[] = [];

  get(item: number): T | undefined {
    return this.#pieces[item >>> PIECE_BITS]?.[item & PIECE_MASK];
  }

  set(item: number, value: T): void {
    const index = item >>> PIECE_BITS;
    while (this.#pieces.length <= index) this.#pieces.push(undefined);
    const piece = (this.#pieces[index] ??= new Array<T | undefined>(PIECE_ITEMS).fill(undefined));
    piece[item & PIECE_MASK] = value;
  }

  delete(item: number): void {
    const piece = this.#pieces[item >>> PIECE_BITS];
    if (piece !== undefined) piece[item & PIECE_MASK] = undefined;
  }
}
