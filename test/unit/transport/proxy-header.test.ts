import { describe, expect, it } from 'vitest';
import { readProxyHeader } from '../../../src/transport/proxy-header.ts';
import { HEADER_BYTES_MAX } from '../../../src/transport/proxy-header-v2.ts';
import { ProxyHeaderError } from '../../../src/transport/proxy-refusal.ts';
import {
  ADDRESSES_V4,
  ADDRESSES_V6,
  COMMAND,
  headerV2,
  KIND,
  LINE_V4,
  SIGNATURE,
  SOURCE_V4,
  SOURCE_V6,
  ssl,
  tlv,
  TYPE,
  unixAddresses,
} from '../../support/proxy-headers.ts';

const line = (text: string): Buffer => Buffer.from(`${text}\r\n`, 'latin1');

/** An accepted header and what it says, beyond nothing. */
const ACCEPTED: readonly { name: string; bytes: Buffer; expected: object }[] = [
  { name: 'v1 IPv4', bytes: LINE_V4, expected: { version: 1, source: SOURCE_V4 } },
  {
    name: 'v1 IPv4, extremes',
    bytes: line('PROXY TCP4 255.255.255.255 0.0.0.0 65535 0'),
    expected: { version: 1, source: { address: '255.255.255.255', port: 65535 } },
  },
  {
    name: 'v1 IPv6, spelled at length',
    bytes: line('PROXY TCP6 2001:0DB8:0000:0000:0000:0000:0000:0007 2001:db8::1 4711 1883'),
    expected: { version: 1, source: SOURCE_V6 },
  },
  {
    name: 'v1 IPv6 that maps an IPv4 address',
    bytes: line('PROXY TCP6 ::ffff:203.0.113.7 ::ffff:192.0.2.1 4711 1883'),
    expected: { version: 1, source: SOURCE_V4 },
  },
  { name: 'v1 UNKNOWN', bytes: line('PROXY UNKNOWN'), expected: { version: 1 } },
  {
    name: 'v1 UNKNOWN, the longest line there is',
    bytes: line(
      'PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535',
    ),
    expected: { version: 1 },
  },
  { name: 'v2 TCP over IPv4', bytes: headerV2(), expected: { version: 2, source: SOURCE_V4 } },
  {
    name: 'v2 UDP over IPv4',
    bytes: headerV2({ kind: KIND.udp4 }),
    expected: { version: 2, source: SOURCE_V4 },
  },
  {
    name: 'v2 TCP over IPv6',
    bytes: headerV2({ kind: KIND.tcp6, addresses: ADDRESSES_V6 }),
    expected: { version: 2, source: SOURCE_V6 },
  },
  {
    name: 'v2 IPv6 that maps an IPv4 address',
    bytes: headerV2({
      kind: KIND.tcp6,
      addresses: Buffer.from(`${'0'.repeat(20)}ffffcb007107${'0'.repeat(32)}1267075b`, 'hex'),
    }),
    expected: { version: 2, source: SOURCE_V4 },
  },
  {
    name: 'v2 UNIX',
    bytes: headerV2({ kind: KIND.unix, addresses: unixAddresses('/run/client.sock') }),
    expected: { version: 2, source: { address: 'unix:/run/client.sock', port: 0 } },
  },
  {
    name: 'v2 UNIX without a name',
    bytes: headerV2({ kind: KIND.unix, addresses: unixAddresses('') }),
    expected: { version: 2, source: { address: 'unix:', port: 0 } },
  },
  {
    name: 'v2 UNIX, abstract',
    bytes: headerV2({ kind: KIND.unix, addresses: unixAddresses('\0client') }),
    expected: { version: 2, source: { address: 'unix:@client', port: 0 } },
  },
  {
    name: 'v2 UNIX, a path that fills its field',
    bytes: headerV2({ kind: KIND.unix, addresses: unixAddresses('x'.repeat(108)) }),
    expected: { version: 2, source: { address: `unix:${'x'.repeat(108)}`, port: 0 } },
  },
  {
    name: 'v2 of an unspecified protocol, with a TLV',
    bytes: headerV2({
      kind: KIND.unspecified,
      addresses: Buffer.alloc(0),
      tlvs: [tlv(TYPE.uniqueId, 'id')],
    }),
    expected: { version: 2, uniqueId: Buffer.from('id') },
  },
  {
    name: 'v2 LOCAL: the block is ignored, whatever it is',
    bytes: headerV2({ command: COMMAND.local, kind: 0xff, addresses: Buffer.from('anything') }),
    expected: { version: 2 },
  },
  {
    name: 'v2 LOCAL, empty',
    bytes: headerV2({ command: COMMAND.local, kind: 0, addresses: Buffer.alloc(0) }),
    expected: { version: 2 },
  },
  {
    name: 'v2 with every TLV that is read, and some that are not',
    bytes: headerV2({
      tlvs: [
        tlv(TYPE.noop, 'padding'),
        tlv(TYPE.alpn, 'mqtt'),
        tlv(TYPE.authority, 'broker.fleet.example'),
        tlv(TYPE.noop, ''),
        tlv(TYPE.uniqueId, Buffer.of(0, 255)),
        tlv(TYPE.netns, 'ns'),
        tlv(0xe0, 'private'),
        ssl({
          tlvs: [
            tlv(TYPE.sslVersion, 'TLSv1.3'),
            tlv(TYPE.sslCommonName, 'bike-ü'),
            tlv(TYPE.sslCipher, 'TLS_AES_128_GCM_SHA256'),
            tlv(0x24, 'SHA256'),
          ],
        }),
      ],
      checksum: true,
    }),
    expected: {
      version: 2,
      source: SOURCE_V4,
      alpn: 'mqtt',
      authority: 'broker.fleet.example',
      uniqueId: Buffer.of(0, 255),
      tls: { verified: true, version: 'TLSv1.3', commonName: 'bike-ü', cipher: 'TLS_AES_128_GCM_SHA256' },
    },
  },
  ...(
    [
      ['no certificate came', { client: 1 }, false],
      ['a certificate came earlier in the session', { client: 5 }, true],
      ['a certificate came and was not valid', { verify: 10 }, false],
    ] as const
  ).map(([what, tls, verified]) => ({
    name: `v2 about TLS where ${what}`,
    bytes: headerV2({ tlvs: [ssl(tls)] }),
    expected: {
      version: 2,
      source: SOURCE_V4,
      tls: { verified, version: undefined, commonName: undefined, cipher: undefined },
    },
  })),
  {
    name: 'v2 of the largest size taken',
    bytes: headerV2({
      tlvs: [tlv(TYPE.noop, Buffer.alloc(HEADER_BYTES_MAX - 16 - ADDRESSES_V4.length - 3))],
    }),
    expected: { version: 2, source: SOURCE_V4 },
  },
];

const REFUSED: readonly { name: string; bytes: Buffer; reason: ProxyHeaderError['reason'] }[] = [
  ...(
    [
      ['an MQTT CONNECT', Buffer.from('101000044d515454', 'hex')],
      ['a TLS ClientHello', Buffer.from('1603010200', 'hex')],
      ['an upgrade request', Buffer.from('GET /mqtt HTTP/1.1\r\n')],
      ['another word with P', Buffer.from('POST')],
      ['PROXY in another case', Buffer.from('proxy TCP4 ')],
      ['PROXY with a tab', Buffer.from('PROXY\tTCP4 ')],
      ['a signature that breaks off', Buffer.concat([SIGNATURE.subarray(0, 11), Buffer.of(0)])],
    ] as const
  ).map(([name, bytes]) => ({ name, bytes, reason: 'missing' as const })),
  ...[
    'PROXY TCP4 203.0.113.7 192.0.2.1 4711',
    'PROXY TCP4 203.0.113.7 192.0.2.1 4711 1883 more',
    'PROXY TCP4 203.0.113.7 192.0.2.1 4711 1883 ',
    'PROXY TCP4  203.0.113.7 192.0.2.1 4711 1883',
    'PROXY TCP4 203.0.113.256 192.0.2.1 4711 1883',
    'PROXY TCP4 203.0.113.07 192.0.2.1 4711 1883',
    'PROXY TCP4 2001:db8::7 2001:db8::1 4711 1883',
    'PROXY TCP6 203.0.113.7 192.0.2.1 4711 1883',
    'PROXY TCP6 fe80::1%eth0 fe80::2 4711 1883',
    'PROXY TCP4 203.0.113.7 192.0.2.1 65536 1883',
    'PROXY TCP4 203.0.113.7 192.0.2.1 04711 1883',
    'PROXY TCP4 203.0.113.7 192.0.2.1 -1 1883',
    'PROXY TCP4 203.0.113.7 192.0.2.1 1e3 1883',
    'PROXY UDP4 203.0.113.7 192.0.2.1 4711 1883',
    'PROXY UNKNOWNS',
    'PROXY ',
    'PROXY TCP4 203.0.113.7\0 192.0.2.1 4711 1883',
  ].map((text) => ({
    name: `v1 ${JSON.stringify(text)}`,
    bytes: line(text),
    reason: 'malformed' as const,
  })),
  {
    name: 'v1 that ends without CR',
    bytes: Buffer.from('PROXY TCP4 203.0.113.7 192.0.2.1 4711 1883\n'),
    reason: 'malformed',
  },
  { name: 'v1 without an end', bytes: Buffer.from(`PROXY UNKNOWN ${'x'.repeat(93)}`), reason: 'tooLong' },
  {
    name: 'v1 of 108 bytes',
    bytes: line(`PROXY UNKNOWN ${'x'.repeat(92)}`),
    reason: 'tooLong',
  },
  { name: 'v2 of another version', bytes: headerV2({ command: 0x11 }), reason: 'malformed' },
  { name: 'v2 of another command', bytes: headerV2({ command: 0x22 }), reason: 'malformed' },
  ...[0x01, 0x10, 0x13, 0x30, 0x41, 0xff].map((kind) => ({
    name: `v2 of family and protocol 0x${kind.toString(16)}`,
    bytes: headerV2({ kind, addresses: Buffer.alloc(216) }),
    reason: 'malformed' as const,
  })),
  ...(
    [
      [KIND.tcp4, 11],
      [KIND.tcp6, 35],
      [KIND.unix, 215],
    ] as const
  ).map(([kind, bytes]) => ({
    name: `v2 0x${kind.toString(16)} with addresses of ${bytes} bytes`,
    bytes: headerV2({ kind, addresses: Buffer.alloc(bytes) }),
    reason: 'malformed' as const,
  })),
  {
    name: 'v2 that announces more than is taken, with its first 16 bytes',
    bytes: headerV2({ length: HEADER_BYTES_MAX - 15 }).subarray(0, 16),
    reason: 'tooLong',
  },
  { name: 'v2 with half a TLV', bytes: headerV2({ tlvs: [Buffer.of(1, 0)] }), reason: 'malformed' },
  { name: 'v2 with a TLV too long', bytes: headerV2({ tlvs: [Buffer.of(1, 0, 1)] }), reason: 'malformed' },
  {
    name: 'v2 with a TLV twice',
    bytes: headerV2({ tlvs: [tlv(TYPE.authority, 'a'), tlv(TYPE.authority, 'b')] }),
    reason: 'malformed',
  },
  {
    name: 'v2 with half a TLV about TLS',
    bytes: headerV2({ tlvs: [tlv(TYPE.ssl, Buffer.alloc(4))] }),
    reason: 'malformed',
  },
  {
    name: 'v2 with a broken TLV inside the one about TLS',
    bytes: headerV2({ tlvs: [ssl({ tlvs: [Buffer.of(TYPE.sslCommonName, 0, 9)] })] }),
    reason: 'malformed',
  },
  {
    name: 'v2 with a checksum that does not fit',
    bytes: headerV2({ tlvs: [tlv(TYPE.crc32c, Buffer.of(1, 2, 3, 4))] }),
    reason: 'checksum',
  },
  {
    name: 'v2 with a checksum of three bytes',
    bytes: headerV2({ tlvs: [tlv(TYPE.crc32c, Buffer.of(1, 2, 3))] }),
    reason: 'malformed',
  },
];

const NOTHING = {
  source: undefined,
  alpn: undefined,
  authority: undefined,
  uniqueId: undefined,
  tls: undefined,
};

describe('a PROXY header', () => {
  it.each(ACCEPTED)('is read: $name', ({ bytes, expected }) => {
    const first = Buffer.from('first bytes of the client');
    expect(readProxyHeader(Buffer.concat([bytes, first]))).toEqual({
      header: { ...NOTHING, ...expected },
      length: bytes.length,
    });
  });

  it.each(ACCEPTED)('is waited for to its last byte: $name', ({ bytes }) => {
    for (let length = 0; length < bytes.length; length++) {
      expect(readProxyHeader(bytes.subarray(0, length))).toBeUndefined();
    }
  });

  it.each(REFUSED)('is refused as $reason: $name', ({ bytes, reason }) => {
    try {
      expect(readProxyHeader(bytes)).toBe('refused');
    } catch (error) {
      if (!(error instanceof ProxyHeaderError)) throw error;
      expect(error.reason).toBe(reason);
    }
  });

  it('with one wrong bit and a checksum is refused, wherever the bit is in what it protects', () => {
    const good = headerV2({ tlvs: [tlv(TYPE.authority, 'broker.fleet.example')], checksum: true });
    for (let at = 16; at < good.length; at++) {
      const bad = Buffer.from(good);
      bad[at] = (bad[at] ?? 0) ^ 1;
      // Wrong types and lengths hide the checksum, or break the grammar.
      if (at >= 16 + ADDRESSES_V4.length && at < 16 + ADDRESSES_V4.length + 3) continue;
      if (at >= good.length - 7 && at < good.length - 4) continue;
      expect(() => readProxyHeader(bad), `byte ${at}`).toThrow('checksum does not fit');
    }
  });
});
