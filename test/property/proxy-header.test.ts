/** PROXY headers read the same however they are cut, and no bytes do more than be refused. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readProxyHeader } from '../../src/transport/proxy-header.ts';
import { HEADER_BYTES_MAX } from '../../src/transport/proxy-header-v2.ts';
import { ProxyHeaderError } from '../../src/transport/proxy-refusal.ts';
import {
  ADDRESSES_V4,
  ADDRESSES_V6,
  headerV2,
  KIND,
  ssl,
  tlv,
  TYPE,
  unixAddresses,
} from '../support/proxy-headers.ts';

const port = fc.integer({ min: 0, max: 65_535 });
const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));

const LINE_BYTES_MAX = 107;

const lines = fc
  .oneof(
    fc
      .tuple(fc.ipV4(), fc.ipV4(), port, port)
      .map((words) => Buffer.from(`PROXY TCP4 ${words.join(' ')}\r\n`)),
    fc
      .tuple(fc.ipV6(), fc.ipV6(), port, port)
      .map((words) => Buffer.from(`PROXY TCP6 ${words.join(' ')}\r\n`)),
    fc.constant(Buffer.from('PROXY UNKNOWN\r\n')),
  )
  // IPv6 addresses with an IPv4 one in them can be longer than any that a proxy writes.
  .filter(({ length }) => length <= LINE_BYTES_MAX);

const addresses = fc.constantFrom(
  { kind: KIND.tcp4, addresses: ADDRESSES_V4 },
  { kind: KIND.tcp6, addresses: ADDRESSES_V6 },
  { kind: KIND.unix, addresses: unixAddresses('/run/client') },
  { kind: KIND.unspecified, addresses: Buffer.alloc(0) },
);

const unknownTlvs = fc.array(
  fc.tuple(fc.integer({ min: 0x30, max: 0xff }), bytes(60)).map(([type, value]) => tlv(type, value)),
  { maxLength: 5 },
);

const blocks = fc
  .tuple(addresses, unknownTlvs, bytes(128), bytes(40), fc.boolean())
  .map(([to, unknown, uniqueId, commonName, checksum]) =>
    headerV2({
      ...to,
      tlvs: [...unknown, tlv(TYPE.uniqueId, uniqueId), ssl({ tlvs: [tlv(TYPE.sslCommonName, commonName)] })],
      checksum,
    }),
  );

const headers = fc.oneof(lines, blocks);

describe('readProxyHeader', () => {
  it('reads a header the same however it is cut, and leaves what follows alone', () => {
    fc.assert(
      fc.property(headers, bytes(100), fc.nat(), (header, rest, cut) => {
        const all = Buffer.concat([header, rest]);
        const whole = readProxyHeader(header);
        expect(whole?.length).toBe(header.length);
        const early = cut % header.length;
        expect(readProxyHeader(all.subarray(0, early))).toBeUndefined();
        expect(readProxyHeader(all)).toEqual(whole);
      }),
    );
  });

  it('refuses damaged headers and garbage, or reads or awaits them, and nothing else', () => {
    const damaged = fc
      .tuple(headers, fc.nat(), fc.integer({ min: 0, max: 255 }))
      .map(([header, at, byte]) => {
        const copy = Buffer.from(header);
        copy[at % copy.length] = byte;
        return copy;
      });
    fc.assert(
      fc.property(fc.oneof(damaged, bytes(300)), (input) => {
        try {
          const read = readProxyHeader(input);
          if (read === undefined) expect(input.length).toBeLessThan(HEADER_BYTES_MAX);
          else expect(read.length).toBeLessThanOrEqual(input.length);
        } catch (error) {
          if (!(error instanceof ProxyHeaderError)) throw error;
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
