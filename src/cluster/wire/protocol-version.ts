/**
 * Versions of the peer protocol. Two brokers speak the highest that both know, and a sender sends only what that one knows: so
 * within a version everything is known, and two adjacent releases run side by side.
 */

/** Every version that this release speaks, rising. A new one is added at the end; the oldest goes a release later. */
export const PROTOCOL_VERSIONS = [1, 2] as const;

/** Both included. */
export interface ProtocolRange {
  readonly min: number;
  readonly max: number;
}

export const PROTOCOL: ProtocolRange = {
  min: Math.min(...PROTOCOL_VERSIONS),
  max: Math.max(...PROTOCOL_VERSIONS),
};

/** undefined: there is none that both speak. */
export function agreedVersion(one: ProtocolRange, other: ProtocolRange): number | undefined {
  const version = Math.min(one.max, other.max);
  return version >= Math.max(one.min, other.min) ? version : undefined;
}
