/** Writes test packets by hand, so that a broken one can be written as easily as a good one. */

/** Two hexadecimal digits per byte; spaces count for nothing. */
export function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

export function u16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff]);
}

/** A length-prefixed string or bytes. */
export function str(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([u16(bytes.length), bytes]);
}

export function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  do {
    bytes.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    rest >>>= 7;
  } while (rest > 0);
  return Buffer.from(bytes);
}

/** A property block with its length. */
export function properties(...parts: readonly (Buffer | string)[]): Buffer {
  const body = join(parts);
  return Buffer.concat([varint(body.length), body]);
}

/** A packet with the right remaining length. Strings are hexadecimal. */
export function packet(firstByte: number, ...parts: readonly (Buffer | string)[]): Buffer {
  const body = join(parts);
  return Buffer.concat([Buffer.from([firstByte]), varint(body.length), body]);
}

function join(parts: readonly (Buffer | string)[]): Buffer {
  return Buffer.concat(parts.map((part) => (typeof part === 'string' ? hex(part) : part)));
}
