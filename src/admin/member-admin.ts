/** The brokers of the cluster for the admin API, as this one knows them. */
import type { Endpoint } from '../cluster/member.ts';
import type { MemberRoster, RosterEntry } from '../cluster/member-roster.ts';
import type { ClusterMembers, MemberSummary } from './admin-port.ts';

/** `roster`: undefined for a broker that shares its event log with nobody. */
export function clusterMembers(roster: MemberRoster | undefined): ClusterMembers {
  if (roster === undefined) return { clustered: false, members: [] };
  return { clustered: true, members: roster.entries().map(summaryOf) };
}

function summaryOf({ member, isSelf, state, sinceMs, isLinkUp }: RosterEntry): MemberSummary {
  const { brokerId, incarnation, draining, joinedAtMs, peerAddress, serverReference } = member;
  return {
    brokerId,
    incarnation,
    self: isSelf,
    state,
    draining,
    sinceMs,
    joinedAtMs,
    peerAddress: textOf(peerAddress),
    serverReference,
    linkUp: isLinkUp,
  };
}

function textOf({ host, port }: Endpoint): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
