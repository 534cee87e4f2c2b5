/** The answers that come with every message, read without the generic decoder: of an append, and of a read. */
import type { AppendResult, AppendStatus, QueueEntry, Seq } from '../../../queue/durable-queue.ts';
import { decodeDelivery, decodeMessage, encodedDeliveryBytes } from '../../../queue/message-codec.ts';
import { WireReader } from './wire-reader.ts';

/** By their number in queue.proto. */
const STATUSES: readonly AppendStatus[] = ['stored', 'repeat', 'rejected', 'dropped'];

/** Per queue of the request, per entry. Throws `RangeError` when it is no `AppendResponse`. */
export function decodeAppendResponse(answer: Buffer): readonly (readonly AppendResult[])[] {
  const results: (readonly AppendResult[])[] = [];
  for (const reader = new WireReader(answer); !reader.isAtEnd;) {
    if (reader.field() === 1) results.push(queueResults(reader.message()));
    else reader.skip();
  }
  return results;
}

function queueResults(reader: WireReader): readonly AppendResult[] {
  const statuses: number[] = [];
  const seqs: number[] = [];
  const evicted: number[] = [];
  while (!reader.isAtEnd) {
    const field = reader.field();
    if (field === 1) reader.numbers(statuses);
    else if (field === 2) reader.numbers(seqs);
    else if (field === 3) reader.numbers(evicted);
    else reader.skip();
  }
  return statuses.map((number, index) => {
    const status = STATUSES[number];
    if (status === undefined)
      throw new RangeError(
        `append status ${number} is not known here: upgrade the broker before the endpoint`,
      );
    return { status, seq: (seqs[index] ?? 0) as Seq, evicted: evicted[index] ?? 0 };
  });
}

/** Payloads are views into `answer`. Throws `RangeError` or `MessageFormatError`. */
export function decodeReadResponse(answer: Buffer): readonly QueueEntry[] {
  const entries: QueueEntry[] = [];
  for (const reader = new WireReader(answer); !reader.isAtEnd;) {
    if (reader.field() === 1) entries.push(queueEntry(reader.message()));
    else reader.skip();
  }
  return entries;
}

function queueEntry(reader: WireReader): QueueEntry {
  let seq = 0;
  let marked = false;
  let value: Buffer = Buffer.alloc(0);
  while (!reader.isAtEnd) {
    const field = reader.field();
    if (field === 1) seq = reader.number();
    else if (field === 2) marked = reader.number() !== 0;
    else if (field === 3) value = reader.bytes();
    else reader.skip();
  }
  const message = decodeMessage(value, encodedDeliveryBytes(value, 0));
  return { seq: seq as Seq, marked, queued: { message, ...decodeDelivery(value, 0) } };
}
