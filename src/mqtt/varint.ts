/** Variable byte integers (MQTT 5.0, section 1.5.5), the writing side. Values are 0 to 268,435,455. */

/** Type and flags, then a remaining length of at most four bytes. */
export const PACKET_HEADER_BYTES = 5;

export function varintBytes(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  return value < 0x20_0000 ? 3 : 4;
}

/** Returns the offset behind the value, which is in its shortest encoding [MQTT-1.5.5-1]. */
export function writeVarint(buffer: Buffer, offset: number, value: number): number {
  let at = offset;
  let rest = value;
  while (rest >= 0x80) {
    buffer[at] = (rest & 0x7f) | 0x80;
    at += 1;
    rest >>>= 7;
  }
  buffer[at] = rest;
  return at + 1;
}
