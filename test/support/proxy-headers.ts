/** PROXY headers as a proxy writes them, and as none should: every field of the binary version can be given. */
import { crc32c } from '../../src/transport/crc32c.ts';

export const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');

export const COMMAND = { local: 0x20, proxy: 0x21 } as const;
export const KIND = { unspecified: 0x00, tcp4: 0x11, udp4: 0x12, tcp6: 0x21, unix: 0x31 } as const;
export const TYPE = {
  alpn: 0x01,
  authority: 0x02,
  crc32c: 0x03,
  noop: 0x04,
  uniqueId: 0x05,
  ssl: 0x20,
  sslVersion: 0x21,
  sslCommonName: 0x22,
  sslCipher: 0x23,
  netns: 0x30,
} as const;

export interface HeaderV2 {
  /** Default: PROXY. */
  readonly command?: number;
  /** Default: TCP over IPv4. */
  readonly kind?: number;
  /** Default: `ADDRESSES_V4`. */
  readonly addresses?: Buffer;
  readonly tlvs?: readonly Buffer[];
  /** With a checksum TLV that fits. */
  readonly checksum?: boolean;
  /** Default: what follows. */
  readonly length?: number;
}

/** 203.0.113.7:4711 to 192.0.2.1:1883 */
export const ADDRESSES_V4 = Buffer.from('cb007107c0000201' + '1267' + '075b', 'hex');
export const LINE_V4 = Buffer.from('PROXY TCP4 203.0.113.7 192.0.2.1 4711 1883\r\n');
export const SOURCE_V4 = { address: '203.0.113.7', port: 4711 } as const;

/** [2001:db8::7]:4711 to [2001:db8::1]:1883 */
export const ADDRESSES_V6 = Buffer.from(
  '20010db8000000000000000000000007' + '20010db8000000000000000000000001' + '1267' + '075b',
  'hex',
);
export const SOURCE_V6 = { address: '2001:db8::7', port: 4711 } as const;

export function headerV2(header: HeaderV2 = {}): Buffer {
  const { command = COMMAND.proxy, kind = KIND.tcp4, addresses = ADDRESSES_V4, checksum = false } = header;
  const zero = checksum ? [tlv(TYPE.crc32c, Buffer.alloc(4))] : [];
  const block = Buffer.concat([addresses, ...(header.tlvs ?? []), ...zero]);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(header.length ?? block.length);
  const bytes = Buffer.concat([SIGNATURE, Buffer.of(command, kind), length, block]);
  if (checksum) bytes.writeUInt32BE(crc32c(bytes), bytes.length - 4);
  return bytes;
}

export function tlv(type: number, value: Buffer | string): Buffer {
  const bytes = Buffer.from(value);
  const start = Buffer.of(type, 0, 0);
  start.writeUInt16BE(bytes.length, 1);
  return Buffer.concat([start, bytes]);
}

export interface SslTlv {
  /** Bits: 1 TLS was spoken, 2 certificate in this connection, 4 in this session. Default 7. */
  readonly client?: number;
  /** 0: the certificate was verified. */
  readonly verify?: number;
  readonly tlvs?: readonly Buffer[];
}

export function ssl({ client = 7, verify = 0, tlvs = [] }: SslTlv = {}): Buffer {
  const start = Buffer.alloc(5);
  start.writeUInt8(client, 0);
  start.writeUInt32BE(verify, 1);
  return tlv(TYPE.ssl, Buffer.concat([start, ...tlvs]));
}

/** Source and destination, NUL padded. */
export function unixAddresses(source: string, destination = '/run/mqtt'): Buffer {
  return Buffer.concat([source, destination].map((path) => Buffer.concat([Buffer.from(path), PADDING], 108)));
}

const PADDING = Buffer.alloc(108);
