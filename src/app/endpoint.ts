/** Addresses as a configuration writes them. */
import type { Endpoint } from '../cluster/member.ts';

/** Of `host:port`, where the schema has looked at it already; an IPv6 address stands in brackets. */
export function endpointOf(address: string): Endpoint {
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(address.slice(colon + 1)) };
}
