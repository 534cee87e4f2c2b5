/** IP addresses in one spelling, and sets of them in CIDR notation: which peers may speak for others. */
import { BlockList, isIP, SocketAddress } from 'node:net';

const IPV4_BITS = 32;
const IPV6_BITS = 128;
/** How `SocketAddress` writes an IPv4 address that came in through an IPv6 socket. */
const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/;

/**
 * The one spelling of an IP address: IPv6 as RFC 5952 has it, without a zone; an IPv4-mapped one as IPv4. undefined:
 * not an IP address.
 */
export function canonicalAddress(text: string): string | undefined {
  const version = isIP(text);
  if (version === 4) return text;
  if (version === 0) return undefined;
  const [withoutZone = text] = text.split('%', 1);
  const { address } = new SocketAddress({ address: withoutZone, family: 'ipv6' });
  return MAPPED.exec(address)?.[1] ?? address;
}

const IPV6_GROUPS = 8;
/** Who has one IPv6 address has a network of 64 bits of them (RFC 6177). */
const NETWORK_GROUPS = 4;

/** What counts as one place to come from: an IPv4 address, or an IPv6 network. `address` as `canonicalAddress` gives it. */
export function networkOf(address: string): string {
  if (isIP(address) !== 6) return address;
  const [front = [], back = []] = address
    .split('::', 2)
    .map((half) => half.split(':').filter((group) => group !== ''));
  const zeros = Math.max(0, IPV6_GROUPS - front.length - back.length);
  const groups = [...front, ...Array<string>(zeros).fill('0'), ...back];
  return `${groups.slice(0, NETWORK_GROUPS).join(':')}::/64`;
}

export interface AddressRange {
  readonly address: string;
  readonly family: 'ipv4' | 'ipv6';
  /** How many of the first bits count. */
  readonly prefixBits: number;
}

/** `10.0.0.0/8`, `fd00::/8`, or one address. undefined: neither. */
export function parseAddressRange(text: string): AddressRange | undefined {
  const [address = '', prefix, ...rest] = text.split('/');
  const version = isIP(address);
  if (version === 0 || address.includes('%') || rest.length > 0) return undefined;
  const bits = version === 4 ? IPV4_BITS : IPV6_BITS;
  if (prefix !== undefined && !/^\d{1,3}$/.test(prefix)) return undefined;
  const prefixBits = prefix === undefined ? bits : Number(prefix);
  if (prefixBits > bits) return undefined;
  return { address, family: version === 4 ? 'ipv4' : 'ipv6', prefixBits };
}

export class AddressRanges {
  readonly #ranges = new BlockList();

  constructor(ranges: Iterable<AddressRange>) {
    for (const { address, family, prefixBits } of ranges) this.#ranges.addSubnet(address, prefixBits, family);
  }

  /** `address` as `canonicalAddress` gives it; anything else is in no range. */
  has(address: string): boolean {
    const version = isIP(address);
    return version !== 0 && this.#ranges.check(address, version === 4 ? 'ipv4' : 'ipv6');
  }
}
