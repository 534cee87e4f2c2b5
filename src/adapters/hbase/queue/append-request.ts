/**
 * The request of one append call, written field by field: a body that goes to many queues once, producers by index. It
 * says what `AppendRequest` in queue.proto says, which a test compares.
 */
import type { AppendEntry, QueueQuota, TotalBound } from '../../../queue/durable-queue.ts';
import {
  deliveryBytes,
  encodeDelivery,
  encodeMessage,
  messageBytesMax,
} from '../../../queue/message-codec.ts';
import { removableAtMs } from '../../../queue/message-age.ts';
import { messageBytes, type Message } from '../../../queue/message.ts';
import { POLICY_NUMBERS } from './queue-protocol.ts';
import { FIELD_OVERHEAD, NUMBER_FIELD_BYTES_MAX, WireWriter } from './wire-writer.ts';

/** Entries of one queue, in order. */
export interface QueueAppend {
  readonly row: Buffer;
  readonly entries: readonly AppendEntry[];
  /** By entry: the tenant's queues together have no room for it. undefined: they have for all. */
  readonly noRoom?: readonly (TotalBound | undefined)[] | undefined;
}

export interface AppendRequestOptions {
  readonly defaultQuota: QueueQuota;
  readonly nowMs: number;
}

/** A cell stays for this long after its message expired: the sweep, which knows the broker's clock, comes first. */
export const EXPIRY_GRACE_MS = 60_000;

const UTF8_BYTES_PER_UNIT = 3;
/** Nested message, producer, sequence, body, delivery's frame, size, expiry, time to live, no growth. */
const ENTRY_BYTES_MAX = 2 * FIELD_OVERHEAD + 7 * NUMBER_FIELD_BYTES_MAX;
const QUOTA_BYTES_MAX = FIELD_OVERHEAD + 3 * NUMBER_FIELD_BYTES_MAX;

export function encodeAppendRequest(appends: readonly QueueAppend[], options: AppendRequestOptions): Buffer {
  const producers = new Map<string, number>();
  const bodies = new Map<Message, number>();
  let bytesMax = QUOTA_BYTES_MAX + NUMBER_FIELD_BYTES_MAX;
  for (const { row, entries } of appends) {
    bytesMax += 2 * FIELD_OVERHEAD + row.length;
    for (const { producer, queued } of entries) {
      bytesMax += ENTRY_BYTES_MAX + deliveryBytes(queued);
      if (!producers.has(producer)) {
        producers.set(producer, producers.size);
        bytesMax += FIELD_OVERHEAD + producer.length * UTF8_BYTES_PER_UNIT;
      }
      if (!bodies.has(queued.message)) {
        bodies.set(queued.message, bodies.size);
        bytesMax += FIELD_OVERHEAD + messageBytesMax(queued.message);
      }
    }
  }
  const writer = new WireWriter(bytesMax);
  writeQuota(writer, options.defaultQuota);
  writer.number(2, options.nowMs);
  for (const producer of producers.keys()) writer.text(3, producer);
  for (const message of bodies.keys()) writer.raw(4, (target, at) => encodeMessage(message, target, at));
  for (const { row, entries, noRoom } of appends) {
    const append = writer.begin(5);
    writer.bytes(1, row);
    for (const [index, entry] of entries.entries()) {
      const producer = producers.get(entry.producer) ?? 0;
      const body = bodies.get(entry.queued.message) ?? 0;
      writeEntry(writer, entry, producer, body, options.nowMs, noRoom?.[index] !== undefined);
    }
    writer.end(append);
  }
  return writer.finish();
}

function writeQuota(writer: WireWriter, { messagesMax, bytesMax, policy }: QueueQuota): void {
  const quota = writer.begin(1);
  writer.number(1, messagesMax);
  writer.number(2, bytesMax);
  writer.number(3, POLICY_NUMBERS[policy]);
  writer.end(quota);
}

function writeEntry(
  writer: WireWriter,
  { sequence, queued }: AppendEntry,
  producer: number,
  body: number,
  nowMs: number,
  noGrowth: boolean,
): void {
  const removableMs = removableAtMs(queued);
  const entry = writer.begin(2);
  writer.number(1, producer);
  writer.number(2, sequence);
  writer.number(3, body);
  writer.raw(4, (target, at) => encodeDelivery(queued, 0, target, at));
  writer.number(5, messageBytes(queued.message));
  if (removableMs !== undefined) {
    const wholeMs = Math.ceil(removableMs);
    writer.number(6, wholeMs);
    writer.number(7, Math.max(0, wholeMs - nowMs) + EXPIRY_GRACE_MS);
  }
  if (noGrowth) writer.number(8, 1);
  writer.end(entry);
}
