/**
 * From one frame to one packet. Dispatches on the packet type after checking the header's flags; what goes wrong in
 * a frame from a client ends as a `ProtocolViolation` and as nothing else.
 */
import { decodeAck } from './decode-ack.ts';
import { decodeConnect } from './decode-connect.ts';
import { decodeAuth, decodeDisconnect } from './decode-disconnect.ts';
import { decodePublish } from './decode-publish.ts';
import { decodeSubscribe, decodeUnsubscribe } from './decode-subscribe.ts';
import type { ClientPacket, PingreqPacket, ProtocolLevel } from './packets.ts';
import { ProtocolViolation, REASON } from './reason-code.ts';

/** Upper half of a packet's first byte (MQTT 5.0, 2.1.2): what a client may send. */
const TYPE = {
  connect: 1,
  publish: 3,
  puback: 4,
  pubrec: 5,
  pubrel: 6,
  pubcomp: 7,
  subscribe: 8,
  unsubscribe: 10,
  pingreq: 12,
  disconnect: 14,
  auth: 15,
} as const;

const DUP = 0x08;
/** PUBREL, SUBSCRIBE and UNSUBSCRIBE carry QoS 1 in their header, for historical reasons. */
const QOS_1_FLAGS = 0x02;

const PINGREQ: PingreqPacket = { type: 'pingreq' };

/**
 * `frame` is exactly one packet as `FrameReader` cuts it, its body beginning at `bodyOffset`. `level` is what CONNECT
 * agreed on; undefined: only a CONNECT is legal [MQTT-3.1.0-1], and afterwards none is [MQTT-3.1.0-2].
 * Throws `ProtocolViolation`. The payload and properties of a PUBLISH are views into `frame`; other packets own theirs.
 */
export function decodePacket(
  frame: Buffer,
  bodyOffset: number,
  level: ProtocolLevel | undefined,
): ClientPacket {
  const header = frame.readUInt8(0);
  const type = header >> 4;
  if (level === undefined) {
    if (type !== TYPE.connect) throw protocolError('the first packet is not a CONNECT');
    return decodeConnect(frame, bodyOffset);
  }
  switch (type) {
    case TYPE.publish:
      return decodePublish(frame, bodyOffset, level);
    case TYPE.puback:
      requireFlags(header, 0, 'PUBACK');
      return decodeAck(frame, bodyOffset, level, 'puback');
    case TYPE.pubrec:
      requireFlags(header, 0, 'PUBREC');
      return decodeAck(frame, bodyOffset, level, 'pubrec');
    case TYPE.pubrel:
      requireQoS1Flags(header, level, 'PUBREL');
      return decodeAck(frame, bodyOffset, level, 'pubrel');
    case TYPE.pubcomp:
      requireFlags(header, 0, 'PUBCOMP');
      return decodeAck(frame, bodyOffset, level, 'pubcomp');
    case TYPE.subscribe:
      requireQoS1Flags(header, level, 'SUBSCRIBE');
      return decodeSubscribe(frame, bodyOffset, level);
    case TYPE.unsubscribe:
      requireQoS1Flags(header, level, 'UNSUBSCRIBE');
      return decodeUnsubscribe(frame, bodyOffset, level);
    case TYPE.pingreq:
      requireFlags(header, 0, 'PINGREQ');
      if (frame.length > bodyOffset) throw malformed('PINGREQ: has a body');
      return PINGREQ;
    case TYPE.disconnect:
      requireFlags(header, 0, 'DISCONNECT');
      return decodeDisconnect(frame, bodyOffset, level);
    case TYPE.auth:
      requireFlags(header, 0, 'AUTH');
      return decodeAuth(frame, bodyOffset, level);
    case TYPE.connect:
      throw protocolError('CONNECT was sent twice');
    case 0:
      throw malformed('packet type 0 is reserved');
    default:
      throw protocolError(`packet type ${type} is one only a server sends`);
  }
}

/** [MQTT-2.1.3-1] */
function requireFlags(header: number, flags: number, name: string): void {
  if ((header & 0x0f) !== flags) throw malformed(`${name}: reserved header flags are wrong`);
}

/** MQTT 3.1 sets DUP when it repeats one of these (3.1, 2.1). */
function requireQoS1Flags(header: number, level: ProtocolLevel, name: string): void {
  requireFlags(level === 3 ? header & ~DUP : header, QOS_1_FLAGS, name);
}

function malformed(detail: string): ProtocolViolation {
  return new ProtocolViolation(REASON.malformedPacket, detail);
}

function protocolError(detail: string): ProtocolViolation {
  return new ProtocolViolation(REASON.protocolError, detail);
}
