/** What a broker among others has to be told so that they can reach it, and nobody else can. */
import { isIP } from 'node:net';
import { isLoopback } from '../admin/loopback.ts';
import type { RuleViolation } from './config-rules.ts';
import type { SpokeConfig } from './config-schema.ts';
import { endpointOf } from './endpoint.ts';

const PORT_MAX = 65_535;

export function clusterRules(config: SpokeConfig): readonly RuleViolation[] {
  return [
    ...insecurePeers(config),
    ...namelessPeers(config),
    ...addressOfNobody(config),
    ...advertisedNowhere(config),
  ];
}

/** Whoever can reach it could say what it likes of every session. */
function insecurePeers({ cluster, allowInsecureRemote }: SpokeConfig): readonly RuleViolation[] {
  if (cluster.tls.enabled || allowInsecureRemote || isLoopback(cluster.peerHost)) return [];
  return [
    {
      path: ['cluster', 'peerHost'],
      what: `${cluster.peerHost} is reachable from other machines, and without cluster.tls anybody there passes for a broker`,
      fix: 'Turn cluster.tls on, or use 127.0.0.1, or set allowInsecureRemote to true where only brokers reach the port',
    },
  ];
}

/** Mutual TLS takes all three. */
function namelessPeers({ cluster: { tls } }: SpokeConfig): readonly RuleViolation[] {
  const files = ['certFile', 'keyFile', 'caFile'] as const;
  if (!tls.enabled) return [];
  return files
    .filter((file) => tls[file] === '')
    .map((file) => ({
      path: ['cluster', 'tls', file],
      what: 'brokers have to show each other certificates, and none can without this file',
      fix: 'Name the file, or set cluster.tls.enabled to false',
    }));
}

/** Others would be told to dial every address there is. */
function addressOfNobody({ cluster: { peerHost, advertise } }: SpokeConfig): readonly RuleViolation[] {
  if (advertise !== '' || !isEveryAddress(peerHost)) return [];
  return [
    {
      path: ['cluster', 'advertise'],
      what: `is missing, and cluster.peerHost is ${peerHost}: every address to listen on, and none that other brokers could dial`,
      fix: 'Use the host and port that they reach this broker at, such as broker-1.example.com:7883',
    },
  ];
}

function advertisedNowhere({ cluster: { advertise } }: SpokeConfig): readonly RuleViolation[] {
  if (advertise === '') return [];
  const { host, port } = endpointOf(advertise);
  if (port >= 1 && port <= PORT_MAX && !isEveryAddress(host)) return [];
  return [
    {
      path: ['cluster', 'advertise'],
      what: `is ${advertise}, which other brokers cannot dial`,
      fix: `Use a host that they know, and a port from 1 to ${PORT_MAX}`,
    },
  ];
}

/** In any notation: `::`, `0:0::0`, `::ffff:0.0.0.0`. */
function isEveryAddress(host: string): boolean {
  return isIP(host) !== 0 && /^[0:.]+$/.test(host.replace(/^::ffff:/i, ''));
}
