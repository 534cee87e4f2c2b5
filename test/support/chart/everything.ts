/** Values that turn on everything that the chart leaves off. */
import type { Values } from './chart-rendering.ts';

export const EVERYTHING: Values = {
  image: { pullSecrets: ['registry'] },
  secrets: {
    tls: 'tls',
    kafkaTls: 'kafka-tls',
    peerTls: 'peer-tls',
    kafkaPassword: { name: 'kafka' },
    schemaRegistryUrl: { name: 'registry' },
  },
  config: { kafka: { sasl: { mechanism: 'scram-sha-512', username: 'spokemq' } } },
  brokers: {
    podAnnotations: { a: 'b' },
    nodeSelector: { pool: 'mqtt' },
    priorityClassName: 'high',
    tolerations: [{ key: 'mqtt', operator: 'Exists' }],
    affinity: { nodeAffinity: {} },
    env: [{ name: 'NODE_OPTIONS', value: '--max-old-space-size=1536' }],
  },
  service: {
    type: 'LoadBalancer',
    externalTrafficPolicy: 'Local',
    loadBalancerSourceRanges: ['192.0.2.0/24'],
    annotations: { a: 'b' },
  },
  serviceAccount: { annotations: { a: 'b' } },
  networkPolicy: { clientsFrom: [{ ipBlock: { cidr: '192.0.2.0/24' } }] },
  monitoring: {
    serviceMonitor: { enabled: true, labels: { release: 'p' } },
    alerts: { enabled: true, labels: { release: 'p' } },
    dashboards: { enabled: true },
  },
};
