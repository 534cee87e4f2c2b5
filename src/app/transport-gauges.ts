/** What transport counts, as metrics: refused, late and stalled connections, certificates. */
import type { GaugeSource } from '../metrics/prometheus.ts';
import type { TransportServer } from '../transport/transport-server.ts';
import type { ListeningAddress } from './running-broker.ts';
import type { WatchedCertificates } from './watched-certificates.ts';

export function transportGauges(
  transport: TransportServer,
  certificates: WatchedCertificates,
  listeners: readonly ListeningAddress[],
): GaugeSource[] {
  const { traffic } = transport;
  return [
    {
      name: 'spoke_connect_timeouts_total',
      help: 'Connections dropped because their CONNECT, handshakes included, did not come in time.',
      type: 'counter',
      read: () => traffic.connectTimeouts,
    },
    {
      name: 'spoke_connections_not_admitted_total',
      help: 'Connections refused before their handshake, by the limit they met.',
      type: 'counter',
      read: () => Object.entries(traffic.refused).map(([reason, value]) => ({ labels: { reason }, value })),
    },
    {
      name: 'spoke_websocket_violations_total',
      help: 'Connections ended for breaking the rules of WebSockets.',
      type: 'counter',
      read: () =>
        Object.entries(traffic.webSocketViolations).map(([reason, value]) => ({ labels: { reason }, value })),
    },
    {
      name: 'spoke_stalled_connections_total',
      help: 'Connections dropped because their socket took nothing for limits.stallTimeoutMs.',
      type: 'counter',
      read: () => traffic.stalled,
    },
    {
      name: 'spoke_proxy_headers_refused_total',
      help: 'Connections refused for want of a PROXY header that may be believed.',
      type: 'counter',
      read: () =>
        Object.entries(traffic.proxiesRefused).map(([reason, value]) => ({ labels: { reason }, value })),
    },
    {
      name: 'spoke_certificate_reloads_total',
      help: 'Times that the changed TLS files of a listener were taken over.',
      type: 'counter',
      read: () => certificates.reloads,
    },
    {
      name: 'spoke_certificate_reload_failures_total',
      help: 'Times that the changed TLS files of a listener could not be used.',
      type: 'counter',
      read: () => certificates.failures,
    },
    {
      name: 'spoke_certificate_expires_timestamp_seconds',
      help: 'When the first certificate of a listener expires, Unix time.',
      type: 'gauge',
      read: () =>
        listeners.flatMap(({ transport: name, port }, index) => {
          const expiresAtMs = transport.certificateExpiresAtMs(index);
          return expiresAtMs === undefined
            ? []
            : [{ labels: { transport: name, port: `${port}` }, value: expiresAtMs / 1000 }];
        }),
    },
  ];
}
