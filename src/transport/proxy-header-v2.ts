/**
 * PROXY protocol version 2, the binary one. All numbers are big endian.
 *
 *     header  => signature(12) version-command(u8) family-protocol(u8) length(u16) block(length)
 *     version-command => 0x20 LOCAL: the block is to be ignored | 0x21 PROXY
 *     family-protocol => 0x00 unspecified | 0x11 TCP 0x12 UDP over IPv4 | 0x21 0x22 over IPv6 | 0x31 0x32 UNIX
 *     block   => addresses *tlv
 *     addresses => source(4) destination(4) port(u16) port(u16)     IPv4
 *              | source(16) destination(16) port(u16) port(u16)     IPv6
 *              | source(108) destination(108)                       UNIX: paths that end with NUL
 *              | nothing                                            unspecified
 *     tlv     => type(u8) length(u16) value(length)
 *     ssl     => client(u8) verify(u32) *tlv                        the value of type 0x20
 *
 * TLVs of unknown types are skipped. Of those that are read, one that stands there twice is refused: two readers could
 * take it for two different things.
 */
import { canonicalAddress } from './address-ranges.ts';
import { crc32c } from './crc32c.ts';
import type { ProxyHeader, ProxySource, ProxyTls, ReadProxyHeader } from './proxy-header.ts';
import { ProxyHeaderError } from './proxy-refusal.ts';

export const SIGNATURE_V2 = Buffer.from('\r\n\r\n\0\r\nQUIT\n');

/** Addresses and names take a few hundred bytes, a client certificate some thousand; the format would allow 64 KiB. */
export const HEADER_BYTES_MAX = 8_192;

const START_BYTES = 16;
const TLV_START_BYTES = 3;
const SSL_START_BYTES = 5;
const UNIX_PATH_BYTES = 108;
const CRC_BYTES = 4;

const COMMAND = { local: 0x20, proxy: 0x21 } as const;

/** Types of TLVs that are read. */
const TLV = {
  alpn: 0x01,
  authority: 0x02,
  crc32c: 0x03,
  uniqueId: 0x05,
  ssl: 0x20,
  sslVersion: 0x21,
  sslCommonName: 0x22,
  sslCipher: 0x23,
} as const;
const KNOWN_TYPES: ReadonlySet<number> = new Set(Object.values(TLV));

/** Bits of `client`: a certificate came in this connection, or earlier in its TLS session. */
const CLIENT_CERTIFICATE_BITS = 0x02 | 0x04;

type Tlvs = ReadonlyMap<number, Buffer>;

/** `bytes` begin with the whole signature. undefined: more are needed. Throws `ProxyHeaderError`. */
export function readHeaderV2(bytes: Buffer): ReadProxyHeader | undefined {
  if (bytes.length < START_BYTES) return undefined;
  const command = bytes.readUInt8(12);
  if (command !== COMMAND.local && command !== COMMAND.proxy) {
    throw malformed(`version and command are 0x${command.toString(16)}`);
  }
  const length = START_BYTES + bytes.readUInt16BE(14);
  if (length > HEADER_BYTES_MAX) {
    throw new ProxyHeaderError('tooLong', `${length} bytes, and at most ${HEADER_BYTES_MAX} are taken`);
  }
  if (bytes.length < length) return undefined;
  const header = bytes.subarray(0, length);
  return { header: command === COMMAND.local ? LOCAL : proxied(header), length };
}

const LOCAL: ProxyHeader = {
  version: 2,
  source: undefined,
  alpn: undefined,
  authority: undefined,
  uniqueId: undefined,
  tls: undefined,
};

function proxied(header: Buffer): ProxyHeader {
  const block = header.subarray(START_BYTES);
  const { source, bytes } = addressesOf(header.readUInt8(13), block);
  const tlvs = readTlvs(block.subarray(bytes));
  const checksum = tlvs.get(TLV.crc32c);
  if (checksum !== undefined) verify(header, checksum);
  const ssl = tlvs.get(TLV.ssl);
  const uniqueId = tlvs.get(TLV.uniqueId);
  return {
    version: 2,
    source,
    alpn: textOf(tlvs, TLV.alpn),
    authority: textOf(tlvs, TLV.authority),
    // Copied: it would keep the chunk it came in for as long as the connection lives.
    uniqueId: uniqueId && Buffer.from(uniqueId),
    tls: ssl && tlsOf(ssl),
  };
}

function addressesOf(
  kind: number,
  block: Buffer,
): { readonly source: ProxySource | undefined; readonly bytes: number } {
  switch (kind) {
    case 0x00:
      return { source: undefined, bytes: 0 };
    case 0x11:
    case 0x12:
      demand(block, 12);
      return {
        source: { address: block.subarray(0, 4).join('.'), port: block.readUInt16BE(8) },
        bytes: 12,
      };
    case 0x21:
    case 0x22:
      demand(block, 36);
      return { source: { address: ipv6Of(block), port: block.readUInt16BE(32) }, bytes: 36 };
    case 0x31:
    case 0x32:
      demand(block, 2 * UNIX_PATH_BYTES);
      return { source: { address: `unix:${unixPathOf(block)}`, port: 0 }, bytes: 2 * UNIX_PATH_BYTES };
    default:
      throw malformed(`address family and protocol are 0x${kind.toString(16)}`);
  }
}

function demand(block: Buffer, bytes: number): void {
  if (block.length < bytes) throw malformed(`${block.length} bytes, and the addresses alone take ${bytes}`);
}

function ipv6Of(block: Buffer): string {
  const text = Array.from({ length: 8 }, (_, word) => block.readUInt16BE(2 * word).toString(16)).join(':');
  return canonicalAddress(text) ?? text;
}

/** An abstract one begins with NUL, written `@` as usual; one without a name is empty. */
function unixPathOf(block: Buffer): string {
  const path = block.subarray(0, UNIX_PATH_BYTES);
  const isAbstract = path[0] === 0 && path[1] !== 0;
  const start = isAbstract ? 1 : 0;
  const end = path.indexOf(0, start);
  return `${isAbstract ? '@' : ''}${path.toString('utf8', start, end < 0 ? path.length : end)}`;
}

function readTlvs(bytes: Buffer): Tlvs {
  const tlvs = new Map<number, Buffer>();
  for (let at = 0; at < bytes.length;) {
    const start = at + TLV_START_BYTES;
    if (start > bytes.length) throw malformed('a TLV is cut off');
    const type = bytes.readUInt8(at);
    const end = start + bytes.readUInt16BE(at + 1);
    if (end > bytes.length) throw malformed(`TLV 0x${type.toString(16)} is longer than what holds it`);
    if (KNOWN_TYPES.has(type)) {
      if (tlvs.has(type)) throw malformed(`TLV 0x${type.toString(16)} stands there twice`);
      tlvs.set(type, bytes.subarray(start, end));
    }
    at = end;
  }
  return tlvs;
}

/** The checksum covers the whole header, its own bytes taken as zero. */
function verify(header: Buffer, checksum: Buffer): void {
  if (checksum.length !== CRC_BYTES) throw malformed(`a checksum of ${checksum.length} bytes`);
  const expected = checksum.readUInt32BE(0);
  const zeroed = Buffer.from(header);
  const at = checksum.byteOffset - header.byteOffset;
  zeroed.fill(0, at, at + CRC_BYTES);
  if (crc32c(zeroed) !== expected) {
    throw new ProxyHeaderError('checksum', 'version 2: the checksum does not fit the header');
  }
}

function tlsOf(value: Buffer): ProxyTls {
  if (value.length < SSL_START_BYTES) throw malformed('the TLV about TLS is cut off');
  const tlvs = readTlvs(value.subarray(SSL_START_BYTES));
  const hasCertificate = (value.readUInt8(0) & CLIENT_CERTIFICATE_BITS) !== 0;
  return {
    verified: hasCertificate && value.readUInt32BE(1) === 0,
    version: textOf(tlvs, TLV.sslVersion),
    commonName: textOf(tlvs, TLV.sslCommonName),
    cipher: textOf(tlvs, TLV.sslCipher),
  };
}

function textOf(tlvs: Tlvs, type: number): string | undefined {
  return tlvs.get(type)?.toString('utf8');
}

function malformed(detail: string): ProxyHeaderError {
  return new ProxyHeaderError('malformed', `version 2: ${detail}`);
}
