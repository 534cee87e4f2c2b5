import { describe, expect, it } from 'vitest';
import {
  AddressRanges,
  canonicalAddress,
  networkOf,
  parseAddressRange,
} from '../../../src/transport/address-ranges.ts';

describe('canonicalAddress', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:C000:0201', '192.0.2.1'],
    ['2001:0DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['::', '::'],
    ['localhost', undefined],
    ['192.0.2', undefined],
    ['', undefined],
  ])('of %s', (text, expected) => {
    expect(canonicalAddress(text)).toBe(expected);
  });
});

describe('networkOf', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
    ['2001:db8::9', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::', 'fe80:0:0:0::/64'],
  ])('%s is one of %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});

describe('parseAddressRange', () => {
  it.each([
    ['10.0.0.0/8', { address: '10.0.0.0', family: 'ipv4', prefixBits: 8 }],
    ['192.0.2.7', { address: '192.0.2.7', family: 'ipv4', prefixBits: 32 }],
    ['0.0.0.0/0', { address: '0.0.0.0', family: 'ipv4', prefixBits: 0 }],
    ['fd00::/8', { address: 'fd00::', family: 'ipv6', prefixBits: 8 }],
    ['::1', { address: '::1', family: 'ipv6', prefixBits: 128 }],
  ])('takes %s', (text, expected) => {
    expect(parseAddressRange(text)).toEqual(expected);
  });

  it.each([
    '',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    '10.0/8',
    'fd00::/129',
    'proxy',
    'fe80::1%eth0',
  ])('refuses %j', (text) => {
    expect(parseAddressRange(text)).toBeUndefined();
  });
});

describe('AddressRanges', () => {
  const ranges = new AddressRanges(
    ['10.0.0.0/8', '192.0.2.7', 'fd00::/8', '::1'].flatMap((text) => parseAddressRange(text) ?? []),
  );

  it.each(['10.255.1.2', '192.0.2.7', 'fd12::1', '::1'])('have %s', (address) => {
    expect(ranges.has(address)).toBe(true);
  });

  it.each(['11.0.0.1', '192.0.2.8', 'fe80::1', '::2', 'unix:', ''])('do not have %j', (address) => {
    expect(ranges.has(address)).toBe(false);
  });

  it('have everything at prefix 0, of their own family', () => {
    const all = new AddressRanges([{ address: '0.0.0.0', family: 'ipv4', prefixBits: 0 }]);
    expect(all.has('203.0.113.7')).toBe(true);
    expect(all.has('2001:db8::1')).toBe(false);
  });
});
