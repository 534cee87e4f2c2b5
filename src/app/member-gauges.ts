/** The other brokers, as this one sees them, in numbers. */
import type { MemberRoster } from '../cluster/member-roster.ts';
import type { PeerMesh } from '../cluster/peer-mesh.ts';
import type { GaugeSource } from '../metrics/prometheus.ts';
import type { WatchedFiles } from './watched-files.ts';

const STATES = ['up', 'unreachable'] as const;

/** `certificates`: for peers; undefined: they talk in the clear. */
export function memberGauges(
  roster: MemberRoster,
  mesh: PeerMesh,
  certificates: WatchedFiles | undefined,
): readonly GaugeSource[] {
  return [
    {
      name: 'spoke_members',
      help: 'Brokers of the cluster that are alive, this one included, by whether they can be reached.',
      type: 'gauge',
      read: () => {
        const entries = roster.entries();
        return STATES.map((state) => ({
          labels: { state },
          value: entries.filter((entry) => entry.state === state).length,
        }));
      },
    },
    {
      name: 'spoke_peer_unhandled_bytes',
      help: 'Bytes sent or to be sent to another broker that it has not said to be handled.',
      type: 'gauge',
      read: () =>
        mesh.links().map(({ peer, unhandledBytes }) => ({
          labels: { peer: peer.incarnation },
          value: unhandledBytes,
        })),
    },
    {
      name: 'spoke_barrier_timeouts_total',
      help: 'Times that another broker was alive and did not answer in time, so that it was not waited for.',
      type: 'counter',
      read: () => mesh.barrierTimeouts,
    },
    {
      name: 'spoke_peer_certificate_reloads_total',
      help: 'Times that changed certificates for other brokers were taken over.',
      type: 'counter',
      read: () => certificates?.reloads ?? 0,
    },
    {
      name: 'spoke_peer_certificate_reload_failures_total',
      help: 'Times that changed certificates for other brokers could not be used.',
      type: 'counter',
      read: () => certificates?.failures ?? 0,
    },
  ];
}
