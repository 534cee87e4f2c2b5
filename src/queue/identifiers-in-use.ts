/**
 * The record that a queue of held messages may have beside them: packet identifiers that the client has not released yet, although their
 * messages are in the subscribers' queues already. It is an entry with packet identifier 0, which no message has; the last one counts.
 *
 *     payload := u64 through | packetId: u16 *
 */
import type { Seq } from './durable-queue.ts';
import { NO_PROPERTIES, type Message } from './message.ts';

/** What stands in place of a packet identifier. */
export const RECORD_ID = 0;

export interface IdentifiersInUse {
  /** Everything up to and including this position has been handed to its subscribers' queues. */
  readonly through: Seq;
  /** Of what was handed on: a PUBLISH with one of these is a repetition, until PUBREL [MQTT-4.3.3-10]. */
  readonly packetIds: readonly number[];
}

const THROUGH_BYTES = 8;
const PACKET_ID_BYTES = 2;

export function encodeIdentifiersInUse({ through, packetIds }: IdentifiersInUse, nowMs: number): Message {
  const payload = Buffer.alloc(THROUGH_BYTES + packetIds.length * PACKET_ID_BYTES);
  let end = payload.writeBigUInt64BE(BigInt(through));
  for (const packetId of packetIds) end = payload.writeUInt16BE(packetId, end);
  return {
    topic: '',
    payload,
    qos: 2,
    retain: false,
    properties: NO_PROPERTIES,
    publishedAtMs: nowMs,
    expiresAtMs: undefined,
    publisher: '',
  };
}

/** Throws `RangeError` for what `encodeIdentifiersInUse` did not write. */
export function decodeIdentifiersInUse({ payload }: Message): IdentifiersInUse {
  const packetIds: number[] = [];
  for (let at = THROUGH_BYTES; at < payload.length; at += PACKET_ID_BYTES)
    packetIds.push(payload.readUInt16BE(at));
  return { through: Number(payload.readBigUInt64BE(0)) as Seq, packetIds };
}
