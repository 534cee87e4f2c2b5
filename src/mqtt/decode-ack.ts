/**
 * PUBACK, PUBREC, PUBREL and PUBCOMP from a client, decoded by hand. Reason string and user properties of MQTT 5 are
 * checked and dropped: they are for people who read traces.
 *
 *   ACK => flags remaining-length packet-id [reason-code [properties]]
 */
import type { AckPacket, ProtocolLevel } from './packets.ts';
import { PropertyCursor } from './properties.ts';
import { ProtocolViolation, REASON } from './reason-code.ts';
import { WireCursor } from './wire-cursor.ts';

export type AckType = AckPacket['type'];

/** [MQTT-3.4.2-1], [MQTT-3.5.2-1] */
const RECEIPT_REASONS: ReadonlySet<number> = new Set([
  REASON.success,
  REASON.noMatchingSubscribers,
  REASON.unspecifiedError,
  REASON.implementationSpecificError,
  REASON.notAuthorized,
  REASON.topicNameInvalid,
  REASON.packetIdentifierInUse,
  REASON.quotaExceeded,
  REASON.payloadFormatInvalid,
]);

/** [MQTT-3.6.2-1], [MQTT-3.7.2-1] */
const RELEASE_REASONS: ReadonlySet<number> = new Set([REASON.success, REASON.packetIdentifierNotFound]);

/** `frame` is one whole packet of `type`; its body begins at `bodyOffset`. Throws `ProtocolViolation`. */
export function decodeAck(frame: Buffer, bodyOffset: number, level: ProtocolLevel, type: AckType): AckPacket {
  const bodyBytes = frame.length - bodyOffset;
  if (bodyBytes < 2) throw malformed(type, 'ends within packet identifier');
  const packetId = frame.readUInt16BE(bodyOffset);
  if (packetId === 0) throw malformed(type, 'packet identifier is 0');
  if (bodyBytes === 2) return { type, packetId, reasonCode: 0 };
  if (level !== 5) throw malformed(type, 'bytes follow the packet identifier');

  const reasonCode = frame.readUInt8(bodyOffset + 2);
  const allowed = type === 'puback' || type === 'pubrec' ? RECEIPT_REASONS : RELEASE_REASONS;
  if (!allowed.has(reasonCode)) {
    throw new ProtocolViolation(
      REASON.protocolError,
      `${type.toUpperCase()}: reason code ${reasonCode} is not allowed`,
    );
  }
  if (bodyBytes > 3) checkProperties(frame, bodyOffset + 3, type);
  return { type, packetId, reasonCode };
}

function checkProperties(frame: Buffer, start: number, type: AckType): void {
  const wire = new WireCursor(frame, start, frame.length, type.toUpperCase());
  new PropertyCursor(wire, 'acknowledgement').skipAll();
  wire.expectEnd();
}

function malformed(type: AckType, detail: string): ProtocolViolation {
  return new ProtocolViolation(REASON.malformedPacket, `${type.toUpperCase()}: ${detail}`);
}
