/**
 * How stores write a queued message: the message itself, and apart from it what differs per queue, so that a
 * message in many queues can be stored once. Integers are big endian; strings are UTF-8.
 *
 *     message  := u8 version | u8 flags | f64 publishedAtMs | f64 expiresAtMs if flags.expires
 *                 | u16 topic bytes | u16 publisher bytes | u32 properties bytes | u32 payload bytes
 *                 | topic | publisher | properties | payload
 *     flags    := bits 0-1 qos, 2 retain, 3 expires
 *     delivery := u8 flags | u16 packetId | (u8 count, count * u32) if flags.identified
 *     flags    := bits 0-1 qos, 2 retain, 3 identified; 4-7 belong to the store
 */
import type { QoS } from '../mqtt/qos.ts';
import type { ClientId } from '../tenancy/identity.ts';
import { NO_PROPERTIES } from './message.ts';
import type { Message, QueuedMessage } from './message.ts';

const VERSION = 1;
const RETAIN = 1 << 2;
const EXPIRES = 1 << 3;
const IDENTIFIED = 1 << 3;

const FIXED_BYTES = 2 + 8 + 8 + 2 + 2 + 4 + 4;
/** Subscription identifiers of one session that one delivery carries; further ones are left out. */
export const SUBSCRIPTION_IDS_MAX = 255;
const DELIVERY_FIXED_BYTES = 4;
/** UTF-8 needs at most this many bytes for one UTF-16 unit. */
const UTF8_BYTES_PER_UNIT = 3;

/** Never less than `encodeMessage` writes; cheap to compute. */
export function messageBytesMax(message: Message): number {
  const units = message.topic.length + message.publisher.length;
  return FIXED_BYTES + units * UTF8_BYTES_PER_UNIT + message.properties.length + message.payload.length;
}

/** Writes a message at `at` and returns where it ends. `target` has room for `messageBytesMax`. */
export function encodeMessage(message: Message, target: Buffer, at: number): number {
  const { expiresAtMs, payload, properties } = message;
  target[at] = VERSION;
  target[at + 1] = message.qos | (message.retain ? RETAIN : 0) | (expiresAtMs === undefined ? 0 : EXPIRES);
  let end = target.writeDoubleBE(message.publishedAtMs, at + 2);
  if (expiresAtMs !== undefined) end = target.writeDoubleBE(expiresAtMs, end);
  const lengths = end;
  end += 12;
  const topicBytes = target.write(message.topic, end);
  end += topicBytes;
  const publisherBytes = message.publisher === '' ? 0 : target.write(message.publisher, end);
  end += publisherBytes;
  target.writeUInt16BE(topicBytes, lengths);
  target.writeUInt16BE(publisherBytes, lengths + 2);
  target.writeUInt32BE(properties.length, lengths + 4);
  target.writeUInt32BE(payload.length, lengths + 8);
  if (properties.length > 0) end += properties.copy(target, end);
  target.set(payload, end);
  return end + payload.length;
}

/** Size of the encoded message at `at`. */
export function encodedMessageBytes(source: Buffer, at: number): number {
  const lengths = lengthsAt(source, at);
  return (
    lengths +
    12 -
    at +
    source.readUInt16BE(lengths) +
    source.readUInt16BE(lengths + 2) +
    source.readUInt32BE(lengths + 4) +
    source.readUInt32BE(lengths + 8)
  );
}

/**
 * The message at `at`. Payload and properties are views into `source`, which the caller no longer changes.
 * Throws `MessageFormatError` when it was written by a later release or does not fit its bytes.
 */
export function decodeMessage(source: Buffer, at: number): Message {
  if (source[at] !== VERSION) throw new MessageFormatError(`version ${source[at] ?? 'missing'}`);
  const flags = source[at + 1] ?? 0;
  const lengths = lengthsAt(source, at);
  const topic = lengths + 12;
  const publisher = topic + source.readUInt16BE(lengths);
  const properties = publisher + source.readUInt16BE(lengths + 2);
  const payload = properties + source.readUInt32BE(lengths + 4);
  const end = payload + source.readUInt32BE(lengths + 8);
  if (end > source.length)
    throw new MessageFormatError(`${end - at} bytes announced, ${source.length - at} there`);
  return {
    topic: source.toString('utf8', topic, publisher),
    payload: source.subarray(payload, end),
    qos: qosOf(flags),
    retain: (flags & RETAIN) !== 0,
    properties: payload === properties ? NO_PROPERTIES : source.subarray(properties, payload),
    publishedAtMs: source.readDoubleBE(at + 2),
    expiresAtMs: (flags & EXPIRES) === 0 ? undefined : source.readDoubleBE(at + 10),
    publisher: publisher === properties ? '' : (source.toString('utf8', publisher, properties) as ClientId),
  };
}

/** What a queued message is apart from its `Message`. */
export type Delivery = Omit<QueuedMessage, 'message'>;

export function deliveryBytes(delivery: Delivery): number {
  const ids = delivery.subscriptionIds;
  if (ids === undefined) return DELIVERY_FIXED_BYTES - 1;
  return DELIVERY_FIXED_BYTES + Math.min(ids.length, SUBSCRIPTION_IDS_MAX) * 4;
}

/** Writes `deliveryBytes` bytes at `at` and returns where they end. `storeFlags`: bits 4 to 7 of the flags. */
export function encodeDelivery(delivery: Delivery, storeFlags: number, target: Buffer, at: number): number {
  const ids = delivery.subscriptionIds;
  target[at] =
    delivery.qos |
    (delivery.retain ? RETAIN : 0) |
    (ids === undefined ? 0 : IDENTIFIED) |
    (storeFlags & 0xf0);
  target[at + 1] = delivery.packetId >>> 8;
  target[at + 2] = delivery.packetId & 0xff;
  if (ids === undefined) return at + 3;
  const count = Math.min(ids.length, SUBSCRIPTION_IDS_MAX);
  target[at + 3] = count;
  let end = at + 4;
  for (let index = 0; index < count; index++) end = target.writeUInt32BE(ids[index] ?? 0, end);
  return end;
}

export function encodedDeliveryBytes(source: Buffer, at: number): number {
  if (((source[at] ?? 0) & IDENTIFIED) === 0) return DELIVERY_FIXED_BYTES - 1;
  return DELIVERY_FIXED_BYTES + (source[at + 3] ?? 0) * 4;
}

export function decodeDelivery(source: Buffer, at: number): Delivery {
  const flags = source[at] ?? 0;
  const packetId = source.readUInt16BE(at + 1);
  return {
    qos: qosOf(flags),
    retain: (flags & RETAIN) !== 0,
    packetId,
    subscriptionIds: idsAt(source, at, flags),
  };
}

export class MessageFormatError extends Error {
  override readonly name = 'MessageFormatError';

  constructor(found: string) {
    super(`not a stored message of format ${VERSION}: ${found}; start the release that wrote it`);
  }
}

function lengthsAt(source: Buffer, at: number): number {
  return at + (((source[at + 1] ?? 0) & EXPIRES) === 0 ? 10 : 18);
}

function idsAt(source: Buffer, at: number, flags: number): readonly number[] | undefined {
  if ((flags & IDENTIFIED) === 0) return undefined;
  const ids: number[] = [];
  for (let left = source[at + 3] ?? 0, next = at + 4; left > 0; left--, next += 4)
    ids.push(source.readUInt32BE(next));
  return ids;
}

function qosOf(flags: number): QoS {
  const qos = flags & 0b11;
  if (qos === 0 || qos === 1 || qos === 2) return qos;
  throw new MessageFormatError('quality of service 3');
}
