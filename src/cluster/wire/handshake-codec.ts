/** The messages with which a connection begins. Their layout is the same in every version of the protocol, for good. */
import type { Incarnation } from '../../tenancy/identity.ts';
import { PeerFormatError } from './peer-format-error.ts';
import { REFUSALS, type Hello, type Refused, type Welcome } from './peer-message.ts';
import type { WireReader } from './wire-reader.ts';
import { textBytesMax, U64_BYTES, writeText, writeU64 } from './wire-types.ts';

/** `SPKP`. */
const MAGIC = 0x53_50_4b_50;

/**
 *     hello := u32 magic | u8 version min | u8 version max | text cluster | text from | text to
 */
export function encodeHello({ protocol, cluster, from, to }: Hello): Buffer {
  const body = Buffer.alloc(6 + textBytesMax(cluster) + textBytesMax(from) + textBytesMax(to));
  let end = body.writeUInt32BE(MAGIC, 0);
  end = body.writeUInt8(protocol.min, end);
  end = body.writeUInt8(protocol.max, end);
  for (const text of [cluster, from, to]) end = writeText(body, text, end);
  return body.subarray(0, end);
}

export function decodeHello(reader: WireReader): Hello {
  if (reader.u32() !== MAGIC) throw new PeerFormatError('a greeting that is not of a broker');
  const protocol = { min: reader.u8(), max: reader.u8() };
  const cluster = reader.text();
  return {
    type: 'hello',
    protocol,
    cluster,
    from: reader.text() as Incarnation,
    to: reader.text() as Incarnation,
  };
}

/**
 *     welcome := u8 version | u64 resume after
 */
export function encodeWelcome({ version, resumeAfter }: Welcome): Buffer {
  const body = Buffer.alloc(1 + U64_BYTES);
  writeU64(body, resumeAfter, body.writeUInt8(version, 0));
  return body;
}

export function decodeWelcome(reader: WireReader): Welcome {
  return { type: 'welcome', version: reader.u8(), resumeAfter: reader.u64() };
}

/**
 *     refused := u8 code | text reason
 *     code    := 1 not ready, 2 version, 3 cluster, 4 incarnation, 5 forgotten
 */
export function encodeRefused({ code, reason }: Refused): Buffer {
  const body = Buffer.alloc(1 + textBytesMax(reason));
  const number = code === undefined ? 0 : REFUSALS.indexOf(code) + 1;
  return body.subarray(0, writeText(body, reason, body.writeUInt8(number, 0)));
}

export function decodeRefused(reader: WireReader): Refused {
  const number = reader.u8();
  return { type: 'refused', code: REFUSALS[number - 1], reason: reader.text() };
}
