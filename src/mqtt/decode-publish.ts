/**
 * PUBLISH from a client, decoded by hand because it is most of a broker's input: one object, one view of the payload,
 * and no copy.
 *
 *   PUBLISH => flags remaining-length topic [packet-id] [properties] payload
 */
import { NO_PROPERTIES, SpanGatherer, isForwardable } from './forwardable.ts';
import type { ProtocolLevel, PublishPacket } from './packets.ts';
import { PROPERTY, PropertyCursor } from './properties.ts';
import type { QoS } from './qos.ts';
import { ProtocolViolation, REASON } from './reason-code.ts';
import { readTopicName } from './topic-name.ts';
import { WireCursor } from './wire-cursor.ts';

const RETAIN = 0x01;
const DUP = 0x08;

/** `frame` is one whole PUBLISH; its body begins at `bodyOffset`. Throws `ProtocolViolation`. */
export function decodePublish(frame: Buffer, bodyOffset: number, level: ProtocolLevel): PublishPacket {
  const flags = frame.readUInt8(0);
  const qos = readQoS(flags);
  const topicStart = bodyOffset + 2;
  if (topicStart > frame.length) throw endsWithin('topic');
  const topicEnd = topicStart + frame.readUInt16BE(bodyOffset);
  let position = qos === 0 ? topicEnd : topicEnd + 2;
  if (position > frame.length) throw endsWithin(topicEnd > frame.length ? 'topic' : 'packet identifier');

  const topic = topicStart === topicEnd ? '' : readTopicName(frame, topicStart, topicEnd);
  const packetId = qos === 0 ? 0 : readPacketId(frame, topicEnd);
  let topicAlias = 0;
  let messageExpiryS: number | undefined;
  let properties = NO_PROPERTIES;
  if (level === 5) {
    if (position < frame.length && frame.readUInt8(position) === 0) {
      position += 1;
    } else {
      const block = readProperties(frame, position);
      ({ topicAlias, messageExpiryS, properties, end: position } = block);
    }
  }
  if (topic === '' && topicAlias === 0) throw emptyTopic(level);

  return {
    type: 'publish',
    topic,
    payload: frame.subarray(position),
    qos,
    retain: (flags & RETAIN) !== 0,
    dup: (flags & DUP) !== 0,
    packetId,
    topicAlias,
    messageExpiryS,
    properties,
  };
}

function readQoS(flags: number): QoS {
  switch ((flags >> 1) & 3) {
    case 0:
      // [MQTT-3.3.1-2]
      if ((flags & DUP) !== 0) throw malformed('DUP is set on QoS 0');
      return 0;
    case 1:
      return 1;
    case 2:
      return 2;
    default:
      // [MQTT-3.3.1-4]
      throw malformed('QoS is 3');
  }
}

/** [MQTT-2.2.1-3] */
function readPacketId(frame: Buffer, offset: number): number {
  const packetId = frame.readUInt16BE(offset);
  if (packetId === 0) throw malformed('packet identifier is 0');
  return packetId;
}

interface PublishProperties {
  topicAlias: number;
  messageExpiryS: number | undefined;
  properties: Buffer;
  end: number;
}

function readProperties(frame: Buffer, start: number): PublishProperties {
  const cursor = new PropertyCursor(new WireCursor(frame, start, frame.length, 'PUBLISH'), 'PUBLISH');
  const forwardable = new SpanGatherer(frame);
  let topicAlias = 0;
  let messageExpiryS: number | undefined;
  while (cursor.next()) {
    if (isForwardable(cursor.id)) forwardable.add(cursor.start, cursor.wire.position);
    else if (cursor.id === PROPERTY.topicAlias) topicAlias = cursor.value;
    else messageExpiryS = cursor.value;
  }
  return { topicAlias, messageExpiryS, properties: forwardable.finish(), end: cursor.end };
}

function emptyTopic(level: ProtocolLevel): ProtocolViolation {
  if (level === 5) {
    return new ProtocolViolation(REASON.protocolError, 'PUBLISH: topic is empty and there is no topic alias');
  }
  return malformed('topic is empty');
}

function endsWithin(what: string): ProtocolViolation {
  return malformed(`ends within ${what}`);
}

function malformed(detail: string): ProtocolViolation {
  return new ProtocolViolation(REASON.malformedPacket, `PUBLISH: ${detail}`);
}
