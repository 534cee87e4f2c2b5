/**
 * PUBLISH to a client, written in one pass behind what the writer already holds. The payload is copied once, here, or
 * not at all by who writes it as a piece of its own.
 *
 *   PUBLISH => flags remaining-length topic [packet-id] [properties] payload
 */
import { PACKET_HEADER_BYTES, varintBytes, writeVarint } from './varint.ts';
import type { PacketSink } from './packet-sink.ts';
import type { ProtocolLevel } from './packets.ts';
import { PROPERTY } from './properties.ts';
import type { QoS } from './qos.ts';

/** One PUBLISH to one client, as queues and routers hold it. */
export interface OutgoingPublish {
  readonly message: {
    readonly topic: string;
    readonly payload: Buffer;
    /** Forwardable properties in wire encoding; left out on 3.x. */
    readonly properties: Buffer;
  };
  readonly qos: QoS;
  readonly retain: boolean;
  readonly dup: boolean;
  /** Ignored for QoS 0. */
  readonly packetId: number;
  readonly subscriptionIds: readonly number[] | undefined;
}

const PUBLISH = 0x30;
const RETAIN = 0x01;
const DUP = 0x08;

const EXPIRY_BYTES = 5;
const ALIAS_BYTES = 3;

/**
 * Bytes of the whole packet `encodePublish` would write, for comparing with the client's maximum packet size.
 * Arguments as there.
 */
export function publishSize(
  level: ProtocolLevel,
  outgoing: OutgoingPublish,
  remainingExpiryS: number | undefined,
  topicAlias: number,
  sendTopic: boolean,
): number {
  const topicBytes = sendTopic ? Buffer.byteLength(outgoing.message.topic) : 0;
  const propertyBytes = level === 5 ? propertiesSize(outgoing, remainingExpiryS, topicAlias) : 0;
  const remaining = remainingLength(level, outgoing, topicBytes, propertyBytes);
  return 1 + varintBytes(remaining) + remaining;
}

/**
 * Appends one PUBLISH to the writer and returns its bytes.
 * `remainingExpiryS`: message expiry less the time the message waited [MQTT-3.3.2-6]; undefined: never expires.
 * `topicAlias`: 0 for none. `sendTopic` false: the client knows the alias, the topic is left out. All three count on
 * MQTT 5 only; on 3.x `sendTopic` must be true.
 */
export function encodePublish(
  writer: PacketSink,
  level: ProtocolLevel,
  outgoing: OutgoingPublish,
  remainingExpiryS: number | undefined,
  topicAlias: number,
  sendTopic: boolean,
): number {
  const { payload } = outgoing.message;
  const before = encodeHead(writer, level, outgoing, remainingExpiryS, topicAlias, sendTopic, payload.length);
  writer.buffer.set(payload, writer.length);
  writer.length += payload.length;
  return before + payload.length;
}

/** Appends everything before the payload, which the caller sends next; otherwise as `encodePublish`. */
export function encodePublishHead(
  writer: PacketSink,
  level: ProtocolLevel,
  outgoing: OutgoingPublish,
  remainingExpiryS: number | undefined,
  topicAlias: number,
  sendTopic: boolean,
): number {
  return encodeHead(writer, level, outgoing, remainingExpiryS, topicAlias, sendTopic, 0);
}

/** `roomBytes`: what must fit behind the head in the same buffer. */
function encodeHead(
  writer: PacketSink,
  level: ProtocolLevel,
  outgoing: OutgoingPublish,
  remainingExpiryS: number | undefined,
  topicAlias: number,
  sendTopic: boolean,
  roomBytes: number,
): number {
  const { topic, payload, properties } = outgoing.message;
  const topicBytes = sendTopic ? Buffer.byteLength(topic) : 0;
  const propertyBytes = level === 5 ? propertiesSize(outgoing, remainingExpiryS, topicAlias) : 0;
  const remaining = remainingLength(level, outgoing, topicBytes, propertyBytes);
  writer.ensure(PACKET_HEADER_BYTES + remaining - payload.length + roomBytes);

  const { buffer, length: start } = writer;
  buffer[start] = PUBLISH | (outgoing.dup ? DUP : 0) | (outgoing.qos << 1) | (outgoing.retain ? RETAIN : 0);
  let at = writeVarint(buffer, start + 1, remaining);
  at = buffer.writeUInt16BE(topicBytes, at);
  if (topicBytes > 0) at += writeTopic(buffer, at, topic, topicBytes);
  if (outgoing.qos > 0) at = buffer.writeUInt16BE(outgoing.packetId, at);
  if (level === 5) {
    at = writeVarint(buffer, at, propertyBytes);
    if (propertyBytes > 0) at = writeOwnProperties(buffer, at, outgoing, remainingExpiryS, topicAlias);
    if (properties.length > 0) {
      buffer.set(properties, at);
      at += properties.length;
    }
  }
  writer.length = at;
  return at - start;
}

function remainingLength(
  level: ProtocolLevel,
  outgoing: OutgoingPublish,
  topicBytes: number,
  propertyBytes: number,
): number {
  const blockBytes = level === 5 ? varintBytes(propertyBytes) + propertyBytes : 0;
  return 2 + topicBytes + (outgoing.qos > 0 ? 2 : 0) + blockBytes + outgoing.message.payload.length;
}

function propertiesSize(
  { message, subscriptionIds }: OutgoingPublish,
  remainingExpiryS: number | undefined,
  topicAlias: number,
): number {
  let bytes = message.properties.length;
  if (remainingExpiryS !== undefined) bytes += EXPIRY_BYTES;
  if (topicAlias > 0) bytes += ALIAS_BYTES;
  if (subscriptionIds !== undefined) {
    for (const id of subscriptionIds) bytes += 1 + varintBytes(id);
  }
  return bytes;
}

/** What is said to this client only; the publisher's properties follow as they came. */
function writeOwnProperties(
  buffer: Buffer,
  start: number,
  { subscriptionIds }: OutgoingPublish,
  remainingExpiryS: number | undefined,
  topicAlias: number,
): number {
  let at = start;
  if (remainingExpiryS !== undefined) {
    buffer[at] = PROPERTY.messageExpiryInterval;
    at = buffer.writeUInt32BE(remainingExpiryS, at + 1);
  }
  if (topicAlias > 0) {
    buffer[at] = PROPERTY.topicAlias;
    at = buffer.writeUInt16BE(topicAlias, at + 1);
  }
  if (subscriptionIds !== undefined) {
    for (const id of subscriptionIds) {
      buffer[at] = PROPERTY.subscriptionIdentifier;
      at = writeVarint(buffer, at + 1, id);
    }
  }
  return at;
}

/** As many bytes as characters means ASCII, and that is written without asking an encoder. */
function writeTopic(buffer: Buffer, start: number, topic: string, topicBytes: number): number {
  return topicBytes === topic.length
    ? buffer.write(topic, start, 'latin1')
    : buffer.write(topic, start, 'utf8');
}
