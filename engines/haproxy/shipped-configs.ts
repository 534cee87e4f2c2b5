/** The configurations in `deploy/haproxy/`: three brokers by name, without TLS and with TLS that ends at HAProxy. */
import type { ClusterBroker, ClusterConfig } from './cluster-config.ts';

const BROKERS: readonly ClusterBroker[] = [1, 2, 3].map((number) => ({
  name: `broker-${number}`,
  host: `broker-${number}`,
  ports: { tcp: 1883, ws: 8083, admin: 9883 },
}));

const PLAIN: ClusterConfig = {
  fronts: [
    { name: 'mqtt', port: 1883, listener: 'tcp' },
    { name: 'ws', port: 8083, listener: 'ws' },
  ],
  brokers: BROKERS,
  bind: '*',
  statsPort: 8404,
  metrics: { bind: '*', port: 8405 },
  socketFile: '/tmp/haproxy.sock',
  resolveNames: true,
};

const TLS = {
  certificateFile: '/etc/haproxy/tls/server.pem',
  clientAuthorityFile: '/etc/haproxy/tls/devices-ca.pem',
};

/** By their file names. */
export const SHIPPED_CONFIGS: Readonly<Record<string, ClusterConfig>> = {
  'haproxy.cfg': PLAIN,
  'haproxy-tls.cfg': {
    ...PLAIN,
    fronts: [
      ...PLAIN.fronts,
      { name: 'mqtts', port: 8883, listener: 'tcp', tls: TLS },
      { name: 'wss', port: 8084, listener: 'ws', tls: TLS },
    ],
  },
};
