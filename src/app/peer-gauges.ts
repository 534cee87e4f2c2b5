/** Gauges of a broker among its peers. */
import type { Broker } from '../broker/broker.ts';
import type { GaugeSource } from '../metrics/prometheus.ts';

export function peerGauges(broker: Broker): GaugeSource[] {
  const { peers } = broker.services;
  const { mesh } = peers;
  return [
    {
      name: 'spoke_members',
      help: 'Brokers that are alive as far as this one knows, itself included.',
      type: 'gauge',
      read: () => mesh.links().length + 1,
    },
    {
      name: 'spoke_peer_links_up',
      help: 'Other brokers that this one is connected to.',
      type: 'gauge',
      read: () => mesh.links().filter(({ isUp }) => isUp).length,
    },
    {
      name: 'spoke_peer_unhandled_bytes',
      help: 'Bytes on their way to another broker that it has not confirmed, by broker.',
      type: 'gauge',
      read: () =>
        mesh
          .links()
          .map(({ peer, unhandledBytes }) => ({ labels: { peer: peer.brokerId }, value: unhandledBytes })),
    },
    {
      name: 'spoke_peer_messages_dropped_total',
      help: 'Messages of QoS 0, and forwards, that another broker was too far behind to be sent.',
      type: 'counter',
      read: () => peers.dropped,
    },
    {
      name: 'spoke_subscribe_barrier_timeouts_total',
      help: 'Times that another broker was not waited for any longer, before SUBACK or to take a session over.',
      type: 'counter',
      read: () => mesh.barrierTimeouts,
    },
  ];
}
