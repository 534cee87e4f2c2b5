/** Members as tests make them up. */
import type { NewMember } from '../../src/cluster/member-view.ts';
import { incarnation } from '../../src/tenancy/identity.ts';

/** One run of one broker. */
export function newRun(brokerId: string, startNumber: number): NewMember {
  return {
    brokerId,
    incarnation: incarnation(brokerId, startNumber),
    peerAddress: { host: '127.0.0.1', port: 7_000 + startNumber },
    serverReference: `${brokerId}.example:1883`,
    protocol: { min: 1, max: 1 },
  };
}
