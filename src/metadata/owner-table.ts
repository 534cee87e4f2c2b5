/**
 * Who owns each session of one partition, or owned it last, since when, and the offset that says so: packed, because there may be a
 * million of them and all of it is there only to tell a late record from one that counts.
 */
import type { Offset } from '../event-log/event-log.ts';
import { hashBytes, HashIndex, NONE } from '../packed/hash-index.ts';
import { IntRows } from '../packed/int-rows.ts';
import { Numbering } from '../packed/numbering.ts';
import { PackedReader, PackedWriter } from '../packed/packed-bytes.ts';
import { Slab } from '../packed/slab.ts';
import type { Ownership, Versioned } from '../session/evolve.ts';
import type { SessionOwner } from '../session/events.ts';
import type { Incarnation } from '../tenancy/identity.ts';

// Row:  address of the record plus one, 0: not in use
const ADDRESS = 0;
const FIELDS = 1;

// Record:  key | offset | opened at | whose, u8 | incarnation? | connection?
const NOBODY = 0;
const OWNED = 1;
const CLOSED = 2;

export class OwnerTable {
  readonly #numbers = new Numbering();
  readonly #rows = new IntRows(FIELDS);
  readonly #index = new HashIndex();
  readonly #records = new Slab();
  readonly #reader = new PackedReader();
  readonly #writer = new PackedWriter();
  readonly #key = new PackedWriter();

  get size(): number {
    return this.#index.size;
  }

  get(key: string): Versioned<Ownership> | undefined {
    const row = this.#find(key);
    if (row === NONE) return undefined;
    const address = this.#addressOf(row);
    const from = this.#reader.seek(this.#records.bufferOf(address), this.#records.startOf(address));
    from.skip(from.number());
    const offset = from.number() as Offset;
    const openedAtMs = from.number();
    const whose = from.byte();
    const named = whose === NOBODY ? undefined : readOwner(from);
    return {
      offset,
      value: {
        owner: whose === OWNED ? named : undefined,
        closedOwner: whose === CLOSED ? named : undefined,
        openedAtMs,
      },
    };
  }

  set(key: string, { value, offset }: Versioned<Ownership>): void {
    const { owner, closedOwner, openedAtMs } = value;
    const found = this.#find(key);
    const record = this.#writer.reset();
    record.text(key);
    record.number(offset);
    record.number(openedAtMs);
    // Whoever owned a session before its owner decides nothing.
    const named = owner ?? closedOwner;
    record.byte(named === undefined ? NOBODY : owner === undefined ? CLOSED : OWNED);
    if (named !== undefined) writeOwner(record, named);
    this.#store(found === NONE ? this.#add() : found);
  }

  delete(key: string): void {
    const row = this.#find(key);
    if (row === NONE) return;
    this.#index.remove(row, hashBytes(this.#key.bytes, 0, this.#key.end));
    this.#records.free(this.#addressOf(row));
    this.#rows.set(row, ADDRESS, 0);
    this.#numbers.giveBack(row);
  }

  /** Leaves the packed key behind. */
  #find(key: string): number {
    const packed = this.#key.reset();
    packed.text(key);
    const hash = hashBytes(packed.bytes, 0, packed.end);
    for (let row = this.#index.first(hash); row !== NONE; row = this.#index.after(row, hash)) {
      const address = this.#addressOf(row);
      if (packed.isAt(this.#records.bufferOf(address), this.#records.startOf(address))) return row;
    }
    return NONE;
  }

  /** A row for the key that was looked for last. */
  #add(): number {
    const row = this.#numbers.take();
    this.#index.add(row, hashBytes(this.#key.bytes, 0, this.#key.end));
    return row;
  }

  /** Puts what the writer holds in place of the row's record. */
  #store(row: number): void {
    const { end } = this.#writer;
    let address = this.#addressOf(row);
    if (address < 0 || !this.#records.fits(address, end)) {
      if (address >= 0) this.#records.free(address);
      address = this.#records.allocate(end);
      this.#rows.set(row, ADDRESS, address + 1);
    }
    this.#writer.copyTo(this.#records.bufferOf(address), this.#records.startOf(address));
  }

  #addressOf(row: number): number {
    return this.#rows.get(row, ADDRESS) - 1;
  }
}

function writeOwner(to: PackedWriter, { incarnation, connection }: SessionOwner): void {
  to.text(incarnation);
  to.number(connection);
}

function readOwner(from: PackedReader): SessionOwner {
  return { incarnation: from.text() as Incarnation, connection: from.number() };
}
