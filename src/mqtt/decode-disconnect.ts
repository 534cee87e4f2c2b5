/**
 * DISCONNECT and AUTH: a strict check of every byte, then mqtt-packet decodes.
 *
 *   DISCONNECT => [reason-code [properties]]
 *   AUTH       => [reason-code properties]
 */
import type { AuthPacket, DisconnectPacket, ProtocolLevel } from './packets.ts';
import { PROPERTY, PropertyCursor } from './properties.ts';
import { ProtocolViolation, REASON } from './reason-code.ts';
import { parseChecked } from './reference-parser.ts';
import { WireCursor } from './wire-cursor.ts';

/** What a client may say (MQTT 5.0, 3.14.2.1), [MQTT-3.14.2-1]. */
const DISCONNECT_REASONS: ReadonlySet<number> = new Set([
  REASON.success,
  REASON.disconnectWithWill,
  REASON.unspecifiedError,
  REASON.malformedPacket,
  REASON.protocolError,
  REASON.implementationSpecificError,
  REASON.topicNameInvalid,
  REASON.receiveMaximumExceeded,
  REASON.topicAliasInvalid,
  REASON.packetTooLarge,
  REASON.messageRateTooHigh,
  REASON.quotaExceeded,
  REASON.administrativeAction,
  REASON.payloadFormatInvalid,
]);

/** What a client may say (MQTT 5.0, 3.15.2.1), [MQTT-3.15.2-1]. */
const AUTH_REASONS: ReadonlySet<number> = new Set([REASON.continueAuthentication, REASON.reAuthenticate]);

/** `frame` is one whole DISCONNECT; its body begins at `bodyOffset`. Throws `ProtocolViolation`. */
export function decodeDisconnect(frame: Buffer, bodyOffset: number, level: ProtocolLevel): DisconnectPacket {
  const wire = new WireCursor(frame, bodyOffset, frame.length, 'DISCONNECT');
  if (wire.atEnd()) return { type: 'disconnect', reasonCode: REASON.success, sessionExpiryS: undefined };
  if (level !== 5) throw wire.malformed('has a body');
  checkReason(wire, DISCONNECT_REASONS);
  // The properties may be left out together with their length (MQTT 5.0, 3.14.2.2.1).
  if (!wire.atEnd()) new PropertyCursor(wire, 'DISCONNECT').skipAll();
  wire.expectEnd();
  const { reasonCode, properties } = parseChecked(frame, level, 'disconnect');
  return {
    type: 'disconnect',
    reasonCode: reasonCode ?? REASON.success,
    sessionExpiryS: properties?.sessionExpiryInterval,
  };
}

/** `frame` is one whole AUTH; its body begins at `bodyOffset`. Throws `ProtocolViolation`. Owns its bytes. */
export function decodeAuth(frame: Buffer, bodyOffset: number, level: ProtocolLevel): AuthPacket {
  const wire = new WireCursor(frame, bodyOffset, frame.length, 'AUTH');
  if (level !== 5) throw new ProtocolViolation(REASON.protocolError, 'AUTH: exists in MQTT 5 only');
  checkReason(wire, AUTH_REASONS);
  const cursor = new PropertyCursor(wire, 'AUTH');
  cursor.skipAll();
  wire.expectEnd();
  if (!cursor.has(PROPERTY.authenticationMethod)) {
    throw new ProtocolViolation(REASON.protocolError, 'AUTH: authentication method is missing');
  }
  const { reasonCode, properties } = parseChecked(frame, level, 'auth');
  const data = properties?.authenticationData;
  return {
    type: 'auth',
    reasonCode,
    authenticationMethod: properties?.authenticationMethod,
    authenticationData: data === undefined ? undefined : Buffer.from(data),
  };
}

function checkReason(wire: WireCursor, allowed: ReadonlySet<number>): void {
  // A missing reason code means success (MQTT 5.0, 3.14.2.1 and 3.15.2.1).
  const reasonCode = wire.atEnd() ? REASON.success : wire.byte('reason code');
  if (allowed.has(reasonCode)) return;
  throw new ProtocolViolation(
    REASON.protocolError,
    `${wire.place}: reason code ${reasonCode} is not a client's`,
  );
}
