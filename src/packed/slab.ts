/**
 * Memory for very many small records, in pages of blocks of one size each: outside the garbage-collected heap, with
 * little waste, and given back page by page. Knows nothing of what is in a block; whoever frees one must not read
 * it any more.
 */

/** Where a block is: page number and block of the page. */
export type Address = number;

const PAGE_BYTES = 64 * 1024;
/** A block above this has a page of its own. */
const SHARED_BYTES_MAX = 4 * 1024;
const GRANULE_BYTES = 16;
/** Up to this size blocks come in every multiple of the granule; above, in eight sizes for each doubling. */
const FINE_BYTES_MAX = 256;
const BLOCK_BITS = 12; // PAGE_BYTES / GRANULE_BYTES blocks at most
const BLOCK_MASK = (1 << BLOCK_BITS) - 1;
const NO_BLOCK = 0xffff;

class Page {
  readonly number: number;
  readonly blockBytes: number;
  readonly buffer: Buffer;
  readonly blocks: number;
  /** Blocks in use. */
  used = 0;
  /** Blocks from here on were never used. */
  fresh = 0;
  /** Head of the list of blocks that were freed; each holds the number of the next in its first bytes. */
  freed = NO_BLOCK;
  /** Place among the pages of its size that have room. */
  place = 0;

  constructor(number: number, blockBytes: number) {
    this.number = number;
    this.blockBytes = blockBytes;
    this.blocks = blockBytes > SHARED_BYTES_MAX ? 1 : Math.floor(PAGE_BYTES / blockBytes);
    this.buffer = Buffer.allocUnsafeSlow(this.blocks * blockBytes);
  }

  get isFull(): boolean {
    return this.used === this.blocks;
  }

  take(): number {
    this.used++;
    if (this.freed === NO_BLOCK) return this.fresh++;
    const block = this.freed;
    this.freed = this.buffer.readUInt16LE(block * this.blockBytes);
    return block;
  }

  giveBack(block: number): void {
    this.used--;
    this.buffer.writeUInt16LE(this.freed, block * this.blockBytes);
    this.freed = block;
  }
}

export class Slab {
  readonly #pages: (Page | undefined)[] = [];
  readonly #freePageNumbers: number[] = [];
  /** By block size: pages with room. */
  readonly #open = new Map<number, Page[]>();
  #pageBytes = 0;

  /** Memory held, free blocks included. */
  get bytes(): number {
    return this.#pageBytes;
  }

  /** A block that holds at least so many bytes, their content undefined. */
  allocate(bytes: number): Address {
    const blockBytes = blockBytesFor(bytes);
    const page = this.#openPages(blockBytes).at(-1) ?? this.#addPage(blockBytes);
    const block = page.take();
    if (page.isFull) this.#close(page);
    return (page.number << BLOCK_BITS) | block;
  }

  free(address: Address): void {
    const page = this.#page(address);
    if (page.isFull) this.#reopen(page);
    page.giveBack(address & BLOCK_MASK);
    // The last page with room stays: a record that comes and goes must not cost a page each time.
    if (page.used === 0 && this.#openPages(page.blockBytes).length > 1) this.#removePage(page);
  }

  /** Whether a record of this size may stay in its block: it fits, and would get no smaller one. */
  fits(address: Address, bytes: number): boolean {
    return this.#page(address).blockBytes === blockBytesFor(bytes);
  }

  /** What the block is part of; see `startOf`. */
  bufferOf(address: Address): Buffer {
    return this.#page(address).buffer;
  }

  /** First byte of the block in its buffer. */
  startOf(address: Address): number {
    return (address & BLOCK_MASK) * this.#page(address).blockBytes;
  }

  #page(address: Address): Page {
    const page = this.#pages[address >>> BLOCK_BITS];
    if (page === undefined) throw new Error(`slab: nothing is at ${address}, it was freed`);
    return page;
  }

  #openPages(blockBytes: number): Page[] {
    let open = this.#open.get(blockBytes);
    if (open === undefined) this.#open.set(blockBytes, (open = []));
    return open;
  }

  #addPage(blockBytes: number): Page {
    const number = this.#freePageNumbers.pop() ?? this.#pages.length;
    const page = new Page(number, blockBytes);
    this.#pages[number] = page;
    this.#pageBytes += page.buffer.length;
    this.#reopen(page);
    return page;
  }

  #removePage(page: Page): void {
    this.#close(page);
    this.#pages[page.number] = undefined;
    this.#freePageNumbers.push(page.number);
    this.#pageBytes -= page.buffer.length;
  }

  #reopen(page: Page): void {
    const open = this.#openPages(page.blockBytes);
    page.place = open.length;
    open.push(page);
  }

  #close(page: Page): void {
    const open = this.#openPages(page.blockBytes);
    const last = open.pop();
    if (last === undefined || last === page) return;
    open[page.place] = last;
    last.place = page.place;
  }
}

function blockBytesFor(bytes: number): number {
  if (bytes <= GRANULE_BYTES) return GRANULE_BYTES;
  const step = bytes <= FINE_BYTES_MAX ? GRANULE_BYTES : 2 ** (Math.floor(Math.log2(bytes - 1)) - 3);
  return Math.ceil(bytes / step) * step;
}
