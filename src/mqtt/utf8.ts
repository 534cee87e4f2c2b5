/**
 * MQTT's UTF-8 strings (MQTT 5.0, section 1.5.4): well-formed UTF-8 without U+0000, nothing repaired. A decoder that
 * turns bad bytes into U+FFFD would let two client identifiers collide.
 */
import { isUtf8 } from 'node:buffer';
import { REASON, ProtocolViolation } from './reason-code.ts';

/** Throws `malformedPacket` unless `bytes[start, end)` is a string MQTT allows. `what` names it in the message. */
export function checkUtf8(bytes: Buffer, start: number, end: number, what: string): void {
  let seen = 0;
  for (let index = start; index < end; index++) {
    const byte = bytes.readUInt8(index);
    if (byte === 0) throw nullCharacter(what);
    seen |= byte;
  }
  if (seen >= 0x80 && !isUtf8(bytes.subarray(start, end))) throw notUtf8(what);
}

/** [MQTT-1.5.4-2]. */
export function nullCharacter(what: string): ProtocolViolation {
  return new ProtocolViolation(REASON.malformedPacket, `${what} contains U+0000`);
}

/** [MQTT-1.5.4-1]. */
export function notUtf8(what: string): ProtocolViolation {
  return new ProtocolViolation(REASON.malformedPacket, `${what} is not well-formed UTF-8`);
}
