/**
 * Finds the client's address in X-Forwarded-For. Every proxy appends the address it was called from, so the list is
 * to be believed from its right end and only as long as those who wrote it are trusted; what stands further left a
 * client may have made up.
 */
import { isIP } from 'node:net';
import { canonicalAddress, type AddressRanges } from './address-ranges.ts';

/**
 * The rightmost address that is no trusted proxy's: `peerAddress` itself when that is not trusted; the leftmost one
 * when all are. An entry that is no address ends the search at the last one that was.
 */
export function forwardedAddress(
  peerAddress: string,
  header: string | undefined,
  trusted: AddressRanges,
): string {
  const entries = header === undefined ? [] : header.split(',');
  let address = peerAddress;
  while (trusted.has(address)) {
    const entry = entries.pop();
    const next = entry === undefined ? undefined : addressOf(entry.trim());
    if (next === undefined) return address;
    address = next;
  }
  return address;
}

/** `192.0.2.1`, `192.0.2.1:443`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:443`. */
function addressOf(entry: string): string | undefined {
  if (isIP(entry) !== 0) return canonicalAddress(entry);
  const [, ipv6, ipv4] = /^(?:\[([^\]]*)\]|([\d.]+))(?::\d{1,5})?$/.exec(entry) ?? [];
  return canonicalAddress(ipv6 ?? ipv4 ?? '');
}
