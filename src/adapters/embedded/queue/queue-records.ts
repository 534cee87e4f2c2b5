/**
 * What the queue store writes into its journal. The layouts are held fast by `format version` in the segment
 * header; positions, sequences and session ids are 64-bit floats, exact up to 2^53.
 *
 *     stored   := message | u16 length, producer | u16 count | (key | f64 seq | f64 sequence | delivery)*
 *     moved    := as stored: live entries of a segment that is about to go, at a new place
 *     trimmed  := u16 count | (key | f64 through)*
 *     marked, removed := key | u32 count | (f64 seq)*
 *     dropped  := key
 *     quota    := key | u8 policy, 255: back to the default | f64 messagesMax | f64 bytesMax
 *     key      := u8 kind | u8 length, tenant | f64 session id
 */
import type { QueueKey, QueueQuota, QuotaPolicy, Seq } from '../../../queue/durable-queue.ts';
import { queueKey } from '../../../queue/durable-queue.ts';
import {
  decodeDelivery,
  deliveryBytes,
  encodeDelivery,
  encodedDeliveryBytes,
  encodedMessageBytes,
  encodeMessage,
  messageBytesMax,
} from '../../../queue/message-codec.ts';
import type { Delivery } from '../../../queue/message-codec.ts';
import type { Message } from '../../../queue/message.ts';
import type { SessionId, TenantId } from '../../../tenancy/identity.ts';
import type { RecordBody } from '../journal/journal.ts';
import { MARKED_FLAG } from './entry-arena.ts';

export const STORED = 1;
export const MOVED = 2;
export const TRIMMED = 3;
export const MARKED = 4;
export const REMOVED = 5;
export const DROPPED = 6;
export const QUOTA = 7;

/**
 * Entries of one stored record: a reader of one of them may have to walk over the others. Messages that go to
 * more queues are stored once per so many.
 */
export const ENTRIES_PER_RECORD_MAX = 256;
/** Positions in one marked or removed record, queues in one trimmed record. */
export const POSITIONS_PER_RECORD_MAX = 4096;

const KEY_BYTES_MAX = 2 + 64 + 8;
const POLICIES: readonly QuotaPolicy[] = ['reject', 'drop-oldest', 'drop-newest'];
const NO_QUOTA = 255;

export interface StoredEntry {
  readonly key: QueueKey;
  readonly seq: Seq;
  readonly sequence: number;
  readonly delivery: Delivery;
  /** MARKED_FLAG or 0. */
  readonly flags: number;
}

/** Body of a `stored` or `moved` record under construction; used again for the next one after `clear`. */
export class StoredBody<Entry extends StoredEntry = StoredEntry> implements RecordBody {
  #message: Message | undefined;
  #encoded: Buffer | undefined;
  #producer = '';
  #entryBytes = 0;
  entries: Entry[] = [];

  get byteLengthMax(): number {
    const messageMax = this.#encoded?.length ?? (this.#message ? messageBytesMax(this.#message) : 0);
    return messageMax + 4 + this.#producer.length * 3 + this.#entryBytes;
  }

  /** Whether an entry of this message and producer can share the record. */
  takes(message: Message, producer: string): boolean {
    return (
      this.#message === message && this.#producer === producer && this.entries.length < ENTRIES_PER_RECORD_MAX
    );
  }

  begin(message: Message, producer: string): void {
    this.#message = message;
    this.#producer = producer;
  }

  /** For a message that is copied from another record. */
  beginEncoded(encoded: Buffer, producer: string): void {
    this.#encoded = encoded;
    this.#producer = producer;
  }

  add(entry: Entry): void {
    this.entries.push(entry);
    this.#entryBytes += KEY_BYTES_MAX + 16 + deliveryBytes(entry.delivery);
  }

  encode(target: Buffer, at: number): number {
    let end = at;
    if (this.#encoded !== undefined) end += this.#encoded.copy(target, at);
    else if (this.#message !== undefined) end = encodeMessage(this.#message, target, at);
    const producerBytes = target.write(this.#producer, end + 2);
    target.writeUInt16LE(producerBytes, end);
    end = target.writeUInt16LE(this.entries.length, end + 2 + producerBytes);
    for (const { key, seq, sequence, delivery, flags } of this.entries) {
      end = encodeKey(key, target, end);
      end = target.writeDoubleLE(seq, end);
      end = target.writeDoubleLE(sequence, end);
      end = encodeDelivery(delivery, flags, target, end);
    }
    return end;
  }

  clear(): void {
    this.#message = undefined;
    this.#encoded = undefined;
    this.#entryBytes = 0;
    this.entries = [];
  }
}

/** Reads a `stored` or `moved` body entry by entry. */
export class StoredReader {
  readonly #body: Buffer;
  readonly messageBytes: number;
  readonly producer: string;
  #left: number;
  #at: number;

  constructor(body: Buffer) {
    this.#body = body;
    this.messageBytes = encodedMessageBytes(body, 0);
    const producerBytes = body.readUInt16LE(this.messageBytes);
    const behind = this.messageBytes + 2 + producerBytes;
    this.producer = body.toString('utf8', this.messageBytes + 2, behind);
    this.#left = body.readUInt16LE(behind);
    this.#at = behind + 2;
  }

  next(): StoredEntry | undefined {
    if (this.#left-- <= 0) return undefined;
    const key = decodeKey(this.#body, this.#at);
    const behindKey = this.#at + keyBytesAt(this.#body, this.#at);
    const at = behindKey + 16;
    this.#at = at + encodedDeliveryBytes(this.#body, at);
    return {
      key,
      seq: this.#body.readDoubleLE(behindKey) as Seq,
      sequence: this.#body.readDoubleLE(behindKey + 8),
      delivery: decodeDelivery(this.#body, at),
      flags: (this.#body[at] ?? 0) & MARKED_FLAG,
    };
  }
}

export interface KeyedPosition {
  readonly queue: QueueKey;
  readonly through: Seq;
}

export function trimmedBody(trims: readonly KeyedPosition[]): RecordBody {
  return {
    byteLengthMax: 2 + trims.length * (KEY_BYTES_MAX + 8),
    encode(target, at) {
      let end = target.writeUInt16LE(trims.length, at);
      for (const { queue, through } of trims) {
        end = encodeKey(queue, target, end);
        end = target.writeDoubleLE(through, end);
      }
      return end;
    },
  };
}

export function decodeTrimmed(body: Buffer): KeyedPosition[] {
  const trims: KeyedPosition[] = [];
  let at = 2;
  for (let left = body.readUInt16LE(0); left > 0; left--) {
    const queue = decodeKey(body, at);
    at += keyBytesAt(body, at);
    trims.push({ queue, through: body.readDoubleLE(at) as Seq });
    at += 8;
  }
  return trims;
}

export function positionsBody(queue: QueueKey, seqs: readonly number[]): RecordBody {
  return {
    byteLengthMax: KEY_BYTES_MAX + 4 + seqs.length * 8,
    encode(target, at) {
      let end = target.writeUInt32LE(seqs.length, encodeKey(queue, target, at));
      for (const seq of seqs) end = target.writeDoubleLE(seq, end);
      return end;
    },
  };
}

export function decodePositions(body: Buffer): { queue: QueueKey; seqs: number[] } {
  let at = keyBytesAt(body, 0);
  const seqs = Array.from({ length: body.readUInt32LE(at) }, () => 0);
  at += 4;
  for (const index of seqs.keys()) seqs[index] = body.readDoubleLE(at + index * 8);
  return { queue: decodeKey(body, 0), seqs };
}

export function droppedBody(queue: QueueKey): RecordBody {
  return { byteLengthMax: KEY_BYTES_MAX, encode: (target, at) => encodeKey(queue, target, at) };
}

export function quotaBody(queue: QueueKey, quota: QueueQuota | undefined): RecordBody {
  return {
    byteLengthMax: KEY_BYTES_MAX + QUOTA_BYTES,
    encode: (target, at) => encodeQuota(quota, target, encodeKey(queue, target, at)),
  };
}

export function decodeQuotaRecord(body: Buffer): { queue: QueueKey; quota: QueueQuota | undefined } {
  return { queue: decodeKey(body, 0), quota: decodeQuota(body, keyBytesAt(body, 0)) };
}

export const QUOTA_BYTES = 17;

/** Writes QUOTA_BYTES bytes and returns where they end. */
export function encodeQuota(quota: QueueQuota | undefined, target: Buffer, at: number): number {
  target[at] = quota === undefined ? NO_QUOTA : POLICIES.indexOf(quota.policy);
  target.writeDoubleLE(quota?.messagesMax ?? 0, at + 1);
  return target.writeDoubleLE(quota?.bytesMax ?? 0, at + 9);
}

export function decodeQuota(source: Buffer, at: number): QueueQuota | undefined {
  const policy = POLICIES[source[at] ?? NO_QUOTA];
  if (policy === undefined) return undefined;
  return { policy, messagesMax: source.readDoubleLE(at + 1), bytesMax: source.readDoubleLE(at + 9) };
}

export function keyBytes(key: QueueKey): number {
  return 2 + key.tenant.length + 8;
}

export function encodeKey(key: QueueKey, target: Buffer, at: number): number {
  const { tenant } = key;
  target[at] = key.kind === 'pending' ? 0 : 1;
  target[at + 1] = tenant.length;
  // Tenant names are short and ASCII: a loop is faster than a call into the runtime.
  for (let index = 0; index < tenant.length; index++) target[at + 2 + index] = tenant.charCodeAt(index);
  return target.writeDoubleLE(key.sessionId, at + 2 + tenant.length);
}

export function keyBytesAt(source: Buffer, at: number): number {
  return 2 + (source[at + 1] ?? 0) + 8;
}

export function decodeKey(source: Buffer, at: number): QueueKey {
  const end = at + 2 + (source[at + 1] ?? 0);
  const tenant = source.toString('latin1', at + 2, end) as TenantId;
  return queueKey(tenant, source.readDoubleLE(end) as SessionId, source[at] === 0 ? 'pending' : 'held');
}
