/**
 * What is on record of each client, packed: a million sessions with their subscriptions in a few hundred bytes each,
 * outside the garbage-collected heap, unpacked when somebody asks. Decides nothing; the registry does.
 */
import { hashBytes, HashIndex, NONE } from '../packed/hash-index.ts';
import { IntRows } from '../packed/int-rows.ts';
import { Numbering } from '../packed/numbering.ts';
import { PackedReader, PackedWriter, textEnd } from '../packed/packed-bytes.ts';
import { Slab } from '../packed/slab.ts';
import type { ClientId, SessionId, TenantId } from '../tenancy/identity.ts';
import type { Versioned } from './evolve.ts';
import type { SessionState, Subscription } from './events.ts';
import {
  readIsOwned,
  readSession,
  readSubscription,
  skipSubscription,
  writeSession,
  writeSubscription,
} from './packed-session.ts';

declare const brand: unique symbol;
/** A client while it is on record; given to another one afterwards. */
export type ClientNumber = number & { readonly [brand]: 'ClientNumber' };

// Row:  address of the record plus one, 0: not in use
const ADDRESS = 0;
const FIELDS = 1;

// Record:  client id | bytes of the session, 0: none | session | subscriptions | each subscription
// as packed-bytes.ts and packed-session.ts have them.

/** Where the parts of a record are; `ends` of one is where the next begins. */
interface Parts {
  readonly buffer: Buffer;
  readonly start: number;
  readonly clientIdEnds: number;
  readonly sessionStarts: number;
  readonly sessionEnds: number;
  readonly subscriptionsStart: number;
  readonly subscriptions: number;
}

export class ClientTable {
  readonly #tenant: TenantId;
  readonly #numbers = new Numbering();
  readonly #rows = new IntRows(FIELDS);
  readonly #index = new HashIndex();
  readonly #records = new Slab();
  readonly #reader = new PackedReader();
  readonly #writer = new PackedWriter();
  readonly #key = new PackedWriter();
  /** The client that was found last: its subscriptions often come one after the other. */
  #foundId: ClientId | undefined;
  #found: ClientNumber | undefined;

  constructor(tenant: TenantId) {
    this.#tenant = tenant;
  }

  /** Clients on record. */
  get size(): number {
    return this.#index.size;
  }

  find(clientId: ClientId): ClientNumber | undefined {
    if (clientId === this.#foundId) return this.#found;
    const key = this.#keyOf(clientId);
    const hash = hashBytes(key.bytes, 0, key.end);
    for (let at = this.#index.first(hash); at !== NONE; at = this.#index.after(at, hash)) {
      if (!this.#beginsWith(at, key)) continue;
      this.#foundId = clientId;
      this.#found = at as ClientNumber;
      return this.#found;
    }
    return undefined;
  }

  has(client: ClientNumber): boolean {
    return this.#rows.get(client, ADDRESS) !== 0;
  }

  /** A client that is not in the table. */
  add(clientId: ClientId): ClientNumber {
    const client = this.#numbers.take() as ClientNumber;
    const key = this.#keyOf(clientId);
    this.#index.add(client, hashBytes(key.bytes, 0, key.end));
    const record = this.#writer.reset();
    record.raw(key.bytes, 0, key.end);
    record.number(0);
    record.number(0);
    this.#store(client);
    return client;
  }

  remove(client: ClientNumber): void {
    if (client === this.#found) this.#foundId = undefined;
    const address = this.#addressOf(client);
    const records = this.#records.bufferOf(address);
    const start = this.#records.startOf(address);
    this.#index.remove(client, hashBytes(records, start, textEnd(records, start)));
    this.#records.free(address);
    this.#rows.set(client, ADDRESS, 0);
    this.#numbers.giveBack(client);
  }

  /** Every client's number is below this. */
  get numbersEnd(): number {
    return this.#numbers.end;
  }

  /**
   * Every client from that number on, and before the other one. One that is added or removed meanwhile may be missing or
   * come up.
   */
  *clients(first = 0, end = Infinity): Generator<ClientNumber, void, undefined> {
    for (let client = first; client < Math.min(end, this.#numbers.end); client++) {
      if (this.has(client as ClientNumber)) yield client as ClientNumber;
    }
  }

  clientId(client: ClientNumber): ClientId {
    return this.#open(client).text() as ClientId;
  }

  session(client: ClientNumber): Versioned<SessionState> | undefined {
    const reader = this.#open(client);
    const clientId = reader.text() as ClientId;
    return reader.number() === 0 ? undefined : readSession(reader, this.#tenant, clientId);
  }

  /** Cheaper than `session`. */
  sessionId(client: ClientNumber): SessionId | undefined {
    const reader = this.#open(client);
    reader.skip(reader.number());
    return reader.number() === 0 ? undefined : (reader.number() as SessionId);
  }

  /** Whether its session has an owner. Cheaper than `session`. */
  isOwned(client: ClientNumber): boolean {
    const reader = this.#open(client);
    reader.skip(reader.number());
    return reader.number() !== 0 && readIsOwned(reader);
  }

  subscriptionCount(client: ClientNumber): number {
    return this.#partsOf(client).subscriptions;
  }

  subscription(client: ClientNumber, filter: string): Versioned<Subscription> | undefined {
    const parts = this.#partsOf(client);
    const found = this.#findSubscription(parts, filter);
    if (found === undefined) return undefined;
    const clientId = this.clientId(client);
    return readSubscription(this.#reader.seek(parts.buffer, found.start), this.#tenant, clientId);
  }

  /** In the order in which they came. */
  subscriptions(client: ClientNumber): Versioned<Subscription>[] {
    const clientId = this.clientId(client);
    const parts = this.#partsOf(client);
    const reader = this.#reader.seek(parts.buffer, parts.subscriptionsStart);
    return Array.from({ length: parts.subscriptions }, () =>
      readSubscription(reader, this.#tenant, clientId),
    );
  }

  setSession(client: ClientNumber, session: Versioned<SessionState> | undefined): void {
    const parts = this.#partsOf(client);
    const record = this.#writer.reset();
    record.raw(parts.buffer, parts.start, parts.clientIdEnds);
    if (session === undefined) {
      record.number(0);
    } else {
      const packed = this.#key.reset();
      writeSession(packed, session);
      record.blob(packed.bytes.subarray(0, packed.end));
    }
    record.number(parts.subscriptions);
    record.raw(parts.buffer, parts.subscriptionsStart, this.#recordEnd(parts));
    this.#store(client);
  }

  /** Replaces the subscription to that filter, adds it, or takes it away. */
  setSubscription(
    client: ClientNumber,
    filter: string,
    subscription: Versioned<Subscription> | undefined,
  ): void {
    const parts = this.#partsOf(client);
    const found = this.#findSubscription(parts, filter);
    // Looking for it in vain has led to the end.
    const end = found === undefined ? this.#reader.at : this.#recordEnd(parts);
    const { start, end: next } = found ?? { start: end, end };
    const record = this.#writer.reset();
    record.raw(parts.buffer, parts.start, parts.sessionEnds);
    record.number(parts.subscriptions - (found === undefined ? 0 : 1) + (subscription === undefined ? 0 : 1));
    record.raw(parts.buffer, parts.subscriptionsStart, start);
    if (subscription !== undefined) writeSubscription(record, subscription);
    record.raw(parts.buffer, next, end);
    this.#store(client);
  }

  #keyOf(clientId: ClientId): PackedWriter {
    const key = this.#key.reset();
    key.text(clientId);
    return key;
  }

  #beginsWith(client: number, key: PackedWriter): boolean {
    const address = this.#addressOf(client);
    return key.isAt(this.#records.bufferOf(address), this.#records.startOf(address));
  }

  #addressOf(client: number): number {
    return this.#rows.get(client, ADDRESS) - 1;
  }

  #open(client: ClientNumber): PackedReader {
    const address = this.#addressOf(client);
    return this.#reader.seek(this.#records.bufferOf(address), this.#records.startOf(address));
  }

  #partsOf(client: ClientNumber): Parts {
    const address = this.#addressOf(client);
    const buffer = this.#records.bufferOf(address);
    const start = this.#records.startOf(address);
    const reader = this.#reader.seek(buffer, start);
    reader.skip(reader.number());
    const clientIdEnds = reader.at;
    const sessionBytes = reader.number();
    const sessionStarts = reader.at;
    const sessionEnds = sessionStarts + sessionBytes;
    reader.skip(sessionBytes);
    const subscriptions = reader.number();
    const subscriptionsStart = reader.at;
    return {
      buffer,
      start,
      clientIdEnds,
      sessionStarts,
      sessionEnds,
      subscriptionsStart,
      subscriptions,
    };
  }

  #recordEnd({ buffer, subscriptionsStart, subscriptions }: Parts): number {
    const reader = this.#reader.seek(buffer, subscriptionsStart);
    for (let skipped = 0; skipped < subscriptions; skipped++) skipSubscription(reader);
    return reader.at;
  }

  #findSubscription(
    parts: Parts,
    filter: string,
  ): { readonly start: number; readonly end: number } | undefined {
    const wanted = this.#key.reset();
    wanted.text(filter);
    const reader = this.#reader.seek(parts.buffer, parts.subscriptionsStart);
    for (let skipped = 0; skipped < parts.subscriptions; skipped++) {
      const start = reader.at;
      skipSubscription(reader);
      if (wanted.isAt(parts.buffer, start)) return { start, end: reader.at };
    }
    return undefined;
  }

  /** Puts what the writer holds in place of the client's record. */
  #store(client: ClientNumber): void {
    const { end } = this.#writer;
    let address = this.#addressOf(client);
    if (address < 0 || !this.#records.fits(address, end)) {
      if (address >= 0) this.#records.free(address);
      address = this.#records.allocate(end);
      this.#rows.set(client, ADDRESS, address + 1);
    }
    this.#writer.copyTo(this.#records.bufferOf(address), this.#records.startOf(address));
  }
}
