/** What the links to other brokers count. Who those are is `member-gauges.ts`'s. */
import type { LinkStats } from '../cluster/link/link-stats.ts';
import type { GaugeSource } from '../metrics/prometheus.ts';

/** `exchange`: what was not given to the links. */
export function peerGauges(exchange: { readonly dropped: number }, stats: LinkStats): GaugeSource[] {
  return [
    {
      name: 'spoke_peer_links_up',
      help: 'Other brokers that this one is connected to.',
      type: 'gauge',
      read: () => stats.linksUp,
    },
    {
      name: 'spoke_peer_reconnects_total',
      help: 'Times that a connection to another broker came up again.',
      type: 'counter',
      read: () => stats.reconnects,
    },
    {
      name: 'spoke_peer_frames_total',
      help: 'Frames between this broker and others, those included that were sent again.',
      type: 'counter',
      read: () => inAndOut(stats.framesIn, stats.framesOut),
    },
    {
      name: 'spoke_peer_bytes_total',
      help: 'Bytes on the connections between this broker and others.',
      type: 'counter',
      read: () => inAndOut(stats.bytesIn, stats.bytesOut),
    },
    {
      name: 'spoke_peer_duplicates_dropped_total',
      help: 'Frames that came again after a connection was lost, and were known already.',
      type: 'counter',
      read: () => stats.duplicatesDropped,
    },
    {
      name: 'spoke_peer_frames_rejected_total',
      help: 'Frames that could not be handled, and are handed over again with the next connection.',
      type: 'counter',
      read: () => stats.framesRejected,
    },
    {
      name: 'spoke_peer_connections_refused_total',
      help: 'Connections of other brokers that were not let in, those included that this one was not ready for.',
      type: 'counter',
      read: () => stats.refused,
    },
    {
      name: 'spoke_peer_connections_cut_total',
      help: 'Connections that were ended because what came is not the protocol, or nothing came.',
      type: 'counter',
      read: () => [
        { labels: { reason: 'malformed' }, value: stats.malformed },
        { labels: { reason: 'silent' }, value: stats.silent },
      ],
    },
    {
      name: 'spoke_peer_messages_dropped_total',
      help: 'Messages of QoS 0, and forwards, that another broker was too far behind to be sent.',
      type: 'counter',
      read: () => exchange.dropped,
    },
  ];
}

function inAndOut(received: number, sent: number): Exclude<ReturnType<GaugeSource['read']>, number> {
  return [
    { labels: { direction: 'in' }, value: received },
    { labels: { direction: 'out' }, value: sent },
  ];
}
