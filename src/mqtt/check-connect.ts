/**
 * The strict check of CONNECT (MQTT 5.0, section 3.1; 3.1.1 and 3.1 likewise). Every byte is accounted for before
 * mqtt-packet sees the frame. It also keeps what mqtt-packet loses: the order of properties.
 *
 *   CONNECT => name level flags keep-alive [properties] client-id [will] [user-name] [password]
 *   will    => [properties] topic payload
 */
import { SpanGatherer, isForwardable } from './forwardable.ts';
import type { ProtocolLevel, UserProperties } from './packets.ts';
import { PROPERTY, PropertyCursor } from './properties.ts';
import { ProtocolViolation, REASON } from './reason-code.ts';
import { isTopicName } from './topic.ts';
import { WireCursor } from './wire-cursor.ts';

const HEADER_FLAGS = 0x0f;
const RESERVED_FLAG = 0x01;
const WILL_FLAG = 0x04;
const WILL_QOS_AND_RETAIN = 0x38;
const PASSWORD_FLAG = 0x40;
const USER_NAME_FLAG = 0x80;
const WILL_QOS_3 = 0x18;

export interface CheckedConnect {
  readonly level: ProtocolLevel;
  /** The frame, with flags for no other fields than those that are there. */
  readonly frame: Buffer;
  readonly userProperties: UserProperties;
  /** Forwardable properties of the will; may be a view into the frame. undefined: no will. */
  readonly willProperties: Buffer | undefined;
}

/** Throws `unsupportedProtocolVersion` for a protocol that is not spoken here, else as `ProtocolViolation` says. */
export function checkConnect(frame: Buffer, bodyOffset: number): CheckedConnect {
  const wire = new WireCursor(frame, bodyOffset, frame.length, 'CONNECT');
  const level = checkProtocol(wire);
  try {
    // [MQTT-2.1.3-1]
    if ((frame.readUInt8(0) & HEADER_FLAGS) !== 0) throw wire.malformed('reserved header flags are wrong');
    return checkBody(wire, level);
  } catch (error) {
    if (!(error instanceof ProtocolViolation)) throw error;
    throw new ProtocolViolation(error.reasonCode, error.message, level);
  }
}

/** [MQTT-3.1.2-1], [MQTT-3.1.2-2]. Bridges that set bit 7 of the level (0x83, 0x84) are not served. */
function checkProtocol(wire: WireCursor): ProtocolLevel {
  const name = wire.text('protocol name');
  const level = wire.byte('protocol level');
  if (name === 'MQTT' && (level === 4 || level === 5)) return level;
  if (name === 'MQIsdp' && level === 3) return level;
  throw new ProtocolViolation(
    REASON.unsupportedProtocolVersion,
    `CONNECT: protocol ${JSON.stringify(name.slice(0, 8))} level ${level} is not one of MQIsdp 3, MQTT 4, MQTT 5`,
  );
}

function checkBody(wire: WireCursor, level: ProtocolLevel): CheckedConnect {
  const flagsOffset = wire.position;
  const flags = wire.byte('connect flags');
  checkFlags(wire, flags, level);
  wire.twoByteInteger('keep-alive');
  const userProperties = level === 5 ? checkProperties(wire) : [];
  wire.utf8('client identifier');
  const willProperties = (flags & WILL_FLAG) === 0 ? undefined : checkWill(wire, level);
  let missing = 0;
  if ((flags & USER_NAME_FLAG) !== 0) {
    if (mayBeMissing(wire, level)) missing |= USER_NAME_FLAG;
    else wire.utf8('user name');
  }
  if ((flags & PASSWORD_FLAG) !== 0) {
    if (mayBeMissing(wire, level)) missing |= PASSWORD_FLAG;
    else wire.binary('password');
  }
  wire.expectEnd();
  const frame = missing === 0 ? wire.bytes : withFlags(wire.bytes, flagsOffset, flags & ~missing);
  return { level, frame, userProperties, willProperties };
}

/** MQTT 3.1, section 3.1: the remaining length takes precedence over the flags of user name and password. */
function mayBeMissing(wire: WireCursor, level: ProtocolLevel): boolean {
  return level === 3 && wire.atEnd();
}

function withFlags(frame: Buffer, flagsOffset: number, flags: number): Buffer {
  const changed = Buffer.from(frame);
  changed.writeUInt8(flags, flagsOffset);
  return changed;
}

function checkFlags(wire: WireCursor, flags: number, level: ProtocolLevel): void {
  // [MQTT-3.1.2-3]
  if ((flags & RESERVED_FLAG) !== 0) throw wire.malformed('reserved connect flag is set');
  // [MQTT-3.1.2-11], [MQTT-3.1.2-13]
  if ((flags & WILL_FLAG) === 0 && (flags & WILL_QOS_AND_RETAIN) !== 0) {
    throw wire.malformed('will QoS or will retain is set without a will');
  }
  // [MQTT-3.1.2-12]
  if ((flags & WILL_QOS_3) === WILL_QOS_3) throw wire.malformed('will QoS is 3');
  // [MQTT-3.1.2-22] of 3.1.1; MQTT 5 allows it
  if (level !== 5 && (flags & PASSWORD_FLAG) !== 0 && (flags & USER_NAME_FLAG) === 0) {
    throw wire.malformed('password without user name');
  }
}

function checkProperties(wire: WireCursor): UserProperties {
  const userProperties: (readonly [string, string])[] = [];
  const cursor = new PropertyCursor(wire, 'CONNECT');
  while (cursor.next()) {
    if (cursor.id === PROPERTY.userProperty) userProperties.push(cursor.pair());
  }
  if (cursor.has(PROPERTY.authenticationData) && !cursor.has(PROPERTY.authenticationMethod)) {
    throw new ProtocolViolation(REASON.protocolError, 'CONNECT: authentication data without a method');
  }
  return userProperties;
}

function checkWill(wire: WireCursor, level: ProtocolLevel): Buffer {
  const forwardable = new SpanGatherer(wire.bytes);
  if (level === 5) {
    const cursor = new PropertyCursor(wire, 'will');
    while (cursor.next()) {
      if (isForwardable(cursor.id)) forwardable.add(cursor.start, wire.position);
    }
  }
  if (!isTopicName(wire.text('will topic'))) {
    throw new ProtocolViolation(
      REASON.topicNameInvalid,
      'CONNECT: will topic is empty or contains a wildcard',
    );
  }
  wire.binary('will payload');
  return forwardable.finish();
}
