/**
 * HBase's framing, outward: what opens a connection, and requests. One request is one frame:
 *
 *     frame   := u32 length of the rest | header | parameter
 *     header  := varint length | RequestHeader
 *     parameter := varint length | request message
 *
 * A frame comes as few buffers, a large payload as it was given: it is not copied.
 */
const MAGIC = Buffer.from('HBas');
const RPC_VERSION = 0;
/** Simple authentication: the user is who the connection header says. */
const AUTHENTICATION_SIMPLE = 80;

/** Parts of a request up to this many bytes are copied into one buffer: cheaper than one more buffer to write. */
const COPIED_PART_BYTES_MAX = 4096;

const LENGTH_BYTES = 4;

/** The first bytes on a new connection. `connectionHeader` is an encoded ConnectionHeader. */
export function encodePreamble(connectionHeader: Uint8Array): Buffer {
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE(connectionHeader.length);
  return Buffer.concat([MAGIC, Buffer.from([RPC_VERSION, AUTHENTICATION_SIMPLE]), length, connectionHeader]);
}

export interface EncodedCall {
  readonly buffers: readonly Uint8Array[];
  /** Of the whole frame. */
  readonly byteLength: number;
}

/** A request whose encoded message is the concatenation of `parameter`. */
export function encodeCall(header: Uint8Array, parameter: readonly Uint8Array[]): EncodedCall {
  let parameterBytes = 0;
  let copiedBytes = 0;
  for (const part of parameter) {
    parameterBytes += part.length;
    if (part.length <= COPIED_PART_BYTES_MAX) copiedBytes += part.length;
  }
  const prefixBytes = LENGTH_BYTES + varintBytes(header.length) + header.length + varintBytes(parameterBytes);
  const copied = Buffer.allocUnsafe(prefixBytes + copiedBytes);
  const byteLength = prefixBytes + parameterBytes;
  let offset = copied.writeUInt32BE(byteLength - LENGTH_BYTES, 0);
  offset = writeVarint(copied, header.length, offset);
  copied.set(header, offset);
  offset = writeVarint(copied, parameterBytes, offset + header.length);

  const buffers: Uint8Array[] = [];
  let start = 0;
  for (const part of parameter) {
    if (part.length <= COPIED_PART_BYTES_MAX) {
      copied.set(part, offset);
      offset += part.length;
    } else {
      if (offset > start) buffers.push(copied.subarray(start, offset));
      buffers.push(part);
      start = offset;
    }
  }
  if (offset > start) buffers.push(copied.subarray(start, offset));
  return { buffers, byteLength };
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) bytes++;
  return bytes;
}

function writeVarint(target: Buffer, value: number, offset: number): number {
  let rest = value;
  while (rest > 0x7f) {
    target[offset++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  target[offset++] = rest;
  return offset;
}
