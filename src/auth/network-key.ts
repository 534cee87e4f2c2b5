/**
 * What counts as one place that logins come from: an IPv4 address, or the /64 of an IPv6 address, within which whoever has one
 * address has them all.
 */

const GROUPS = 8;
const GROUPS_OF_A_NETWORK = 4;

/** `address` as the transport writes it; what is no address stands for itself. */
export function networkKey(address: string): string {
  if (!address.includes(':') || address.includes('.')) return address;
  const [head = '', tail] = address.split('::');
  const first = head === '' ? [] : head.split(':');
  const last = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : Math.max(0, GROUPS - first.length - last.length);
  const groups = [...first, ...Array.from({ length: zeros }, () => '0'), ...last];
  return `${groups.slice(0, GROUPS_OF_A_NETWORK).join(':')}::/64`;
}
