/** HAProxy before the brokers of the cluster, with the configuration that is shipped for clusters. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LIVE_PATH, renderClusterConfig } from '../haproxy/cluster-config.ts';
import { haproxyCommand } from '../haproxy/haproxy-binary.ts';
import { SingleServer } from '../single-server.ts';
import type { SingleServerKind, SingleServerOptions } from '../single-server.ts';
import type { BrokerMember } from './cluster-member.ts';

export interface FrontPorts {
  readonly mqtt: number;
  readonly ws: number;
  readonly health: number;
  readonly metrics: number;
}

const CALL_MS_MAX = 2_000;
/** Within the limit of descriptors of a small machine, two for each. */
const CONNECTIONS_MAX = 9_000;

export async function startFront(
  ports: FrontPorts,
  brokers: readonly BrokerMember[],
  socketFile: string,
  options: Omit<SingleServerOptions, 'port'>,
): Promise<SingleServer> {
  return await SingleServer.start(frontKind(ports, brokers, socketFile), { ...options, port: ports.health });
}

/** One real call: whether it serves. Whether a broker does is another question. */
export async function callFront(healthPort: number): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${healthPort}${LIVE_PATH}`, {
    signal: AbortSignal.timeout(CALL_MS_MAX),
  });
  await response.arrayBuffer();
  if (!response.ok) throw new Error(`HAProxy answered ${response.status}`);
}

function frontKind(
  { mqtt, ws, health, metrics }: FrontPorts,
  brokers: readonly BrokerMember[],
  socketFile: string,
): SingleServerKind {
  const command = haproxyCommand();
  const config = renderClusterConfig({
    fronts: [
      { name: 'mqtt', port: mqtt, listener: 'tcp' },
      { name: 'ws', port: ws, listener: 'ws' },
    ],
    brokers: brokers.map(({ name, ports }) => ({
      name,
      host: '127.0.0.1',
      ports: {
        tcp: portOf(ports, 'proxiedMqtt'),
        ws: portOf(ports, 'proxiedWs'),
        admin: portOf(ports, 'admin'),
      },
    })),
    bind: '127.0.0.1',
    statsPort: health,
    metrics: { bind: '127.0.0.1', port: metrics },
    socketFile,
    maxconn: CONNECTIONS_MAX,
  });
  return {
    engine: 'haproxy',
    title: 'HAProxy',
    form: 'cluster',
    prepare: async (dataDirectory) => {
      const file = join(dataDirectory, 'haproxy.cfg');
      await writeFile(file, config);
      return { command, args: ['-db', '-f', file] };
    },
    call: callFront,
  };
}

function portOf(ports: BrokerMember['ports'], use: string): number {
  const port = ports[use];
  if (port === undefined) throw new Error(`A broker without a port for ${use}`);
  return port;
}
