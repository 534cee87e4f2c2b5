import { describe, expect, it } from 'vitest';
import { AddressRanges, parseAddressRange } from '../../../src/transport/address-ranges.ts';
import { forwardedAddress } from '../../../src/transport/forwarded-for.ts';

const trusted = new AddressRanges(
  ['10.0.0.0/8', 'fd00::/8'].flatMap((text) => parseAddressRange(text) ?? []),
);

describe('forwardedAddress', () => {
  it.each([
    ['of nobody', '10.0.0.1', undefined, '10.0.0.1'],
    ['of an untrusted peer is not believed', '203.0.113.9', '198.51.100.1', '203.0.113.9'],
    ['of one proxy', '10.0.0.1', '203.0.113.7', '203.0.113.7'],
    ['of two proxies', '10.0.0.1', '203.0.113.7, 10.0.0.2', '203.0.113.7'],
    ['with something made up at its left', '10.0.0.1', '198.51.100.1, 203.0.113.7', '203.0.113.7'],
    [
      'with something made up beyond two proxies',
      '10.0.0.1',
      '127.0.0.1,203.0.113.7 ,10.9.9.9',
      '203.0.113.7',
    ],
    ['of trusted addresses only', '10.0.0.1', '10.0.0.3, 10.0.0.2', '10.0.0.3'],
    ['of a client with a port', '10.0.0.1', '203.0.113.7:4711', '203.0.113.7'],
    ['of an IPv6 client', 'fd00::1', '2001:DB8::7', '2001:db8::7'],
    ['of an IPv6 client in brackets', 'fd00::1', '[2001:db8::7]', '2001:db8::7'],
    ['of an IPv6 client with a port', 'fd00::1', '[2001:db8::7]:4711', '2001:db8::7'],
    ['of a client in a mapped spelling', '10.0.0.1', '::ffff:203.0.113.7', '203.0.113.7'],
    ['that ends in nonsense', '10.0.0.1', '203.0.113.7, unknown', '10.0.0.1'],
    ['with nonsense behind a proxy', '10.0.0.1', '203.0.113.7, <script>, 10.0.0.2', '10.0.0.2'],
    ['that is empty', '10.0.0.1', '', '10.0.0.1'],
    ['with an empty entry', '10.0.0.1', '203.0.113.7,', '10.0.0.1'],
  ])('%s', (_case, peer, header, expected) => {
    expect(forwardedAddress(peer, header, trusted)).toBe(expected);
  });
});
