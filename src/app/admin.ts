/** The admin API of this process: its port to the broker, its metrics page, its server. */
import { ensureAdminToken } from '../adapters/file/admin-token.ts';
import type { AdminPort } from '../admin/admin-port.ts';
import { AdminServer } from '../admin/admin-server.ts';
import { EventAdmin } from '../admin/event-admin.ts';
import { QueueAdmin } from '../admin/queue-admin.ts';
import { SessionAdmin } from '../admin/session-admin.ts';
import type { Broker } from '../broker/broker.ts';
import { limitGauges, MetricsPage, type GaugeSource } from '../metrics/prometheus.ts';
import type { TransportServer } from '../transport/transport-server.ts';
import type { SpokeConfig } from './config-schema.ts';
import type { BrokerStores } from './broker-stores.ts';
import type { Logger } from './logging.ts';
import type { MetadataServices } from './metadata-services.ts';
import type { QueueDepth } from './queue-depth.ts';
import type { ListeningAddress } from './running-broker.ts';
import { transportGauges } from './transport-gauges.ts';
import { VERSION } from './version.ts';
import type { WatchedCertificates } from './watched-certificates.ts';

export interface AdminParts {
  readonly config: SpokeConfig;
  readonly logger: Logger;
  readonly broker: Broker;
  readonly stores: BrokerStores;
  readonly transport: TransportServer;
  readonly certificates: WatchedCertificates;
  readonly metadata: MetadataServices;
  readonly depth: QueueDepth;
  readonly listeners: readonly ListeningAddress[];
  readonly startedAtMs: number;
}

export interface RunningAdmin {
  readonly url: string;
  close(): Promise<void>;
}

/** undefined: turned off. Rejects when the address is taken. */
export async function startAdmin(parts: AdminParts): Promise<RunningAdmin | undefined> {
  const { config, logger } = parts;
  if (!config.admin.enabled) return undefined;
  const server = new AdminServer({
    port: adminPort(parts),
    token: await ensureAdminToken(config.dataDirectory),
    allowedHosts: [config.admin.host, ...config.admin.allowedHosts],
    version: VERSION,
    onError: (err, request) => {
      logger.error({ err, request }, 'admin request failed');
    },
  });
  const url = await server.listen(config.admin.host, config.admin.port);
  return { url, close: () => server.close() };
}

function adminPort(parts: AdminParts): AdminPort {
  const { broker, stores, depth } = parts;
  const sessions = new SessionAdmin(broker);
  const queues = new QueueAdmin(broker, sessions);
  const events = new EventAdmin(stores.sessions.log);
  const page = new MetricsPage({
    tenants: () => Array.from(broker.tenants(), ({ tenant, counters }) => [tenant, counters] as const),
    gauges: [...gauges(parts), ...stores.gauges, ...depth.gauges, limitGauges(parts.config.limits)],
    version: VERSION,
  });
  return {
    status: () => Promise.resolve(status(parts)),
    readiness: () => readiness(parts),
    listSessions: (query) => sessions.listSessions(query),
    showSession: (tenant, clientId) => sessions.showSession(tenant, clientId),
    kickSession: (tenant, clientId, discard) => sessions.kickSession(tenant, clientId, discard),
    listQueues: (query) => queues.listQueues(query),
    showQueue: (tenant, clientId) => queues.showQueue(tenant, clientId),
    purgeQueue: (tenant, clientId) => queues.purgeQueue(tenant, clientId),
    tailEvents: (query, signal) => events.tailEvents(query, signal),
    isEventCursor: (since) => events.isEventCursor(since),
    metrics: async () => {
      await depth.refresh();
      return page.text();
    },
  };
}

function status(parts: AdminParts): Awaited<ReturnType<AdminPort['status']>> {
  const { config, broker, listeners, startedAtMs } = parts;
  return {
    version: VERSION,
    brokerId: config.broker.id,
    incarnation: broker.services.incarnation,
    startedAtMs,
    ready: readiness(parts).ready,
    listeners,
    tenants: Array.from(broker.tenants(), ({ tenant, counters }) => ({
      tenant,
      connections: counters.connections,
      sessions: counters.sessions,
      subscriptions: counters.subscriptions,
      retainedMessages: counters.retainedMessages,
    })),
  };
}

/** The API answers only once everything is restored, so what can be missing is the store. */
function readiness({ broker, stores }: AdminParts): ReturnType<AdminPort['readiness']> {
  const queues = broker.services.batcher.isRetrying ? ['the queue store does not answer'] : [];
  const reasons = [...queues, ...stores.problems()];
  return { ready: reasons.length === 0, reasons };
}

function gauges({ broker, transport, metadata, certificates, listeners }: AdminParts): GaugeSource[] {
  const { batcher, brake } = broker.services;
  return [
    ...transportGauges(transport, certificates, listeners),
    {
      name: 'spoke_staged_bytes',
      help: 'Bytes of messages that are accepted and not yet durable.',
      type: 'gauge',
      read: () => batcher.stagedBytes,
    },
    {
      name: 'spoke_append_lanes_retrying',
      help: 'Parts of the queue store whose last append failed.',
      type: 'gauge',
      read: () => batcher.retryingLanes,
    },
    {
      name: 'spoke_publishers_stopped',
      help: 'Connections not read because the store is behind.',
      type: 'gauge',
      read: () => brake.stopped,
    },
    {
      name: 'spoke_network_bytes_total',
      help: 'MQTT bytes over all connections.',
      type: 'counter',
      read: () => [
        { labels: { direction: 'in' }, value: transport.traffic.bytesIn },
        { labels: { direction: 'out' }, value: transport.traffic.bytesOut },
      ],
    },
    {
      name: 'spoke_transport_connections',
      help: 'Connections open, by transport.',
      type: 'gauge',
      read: () =>
        Object.entries(transport.traffic.connections).map(([name, value]) => ({
          labels: { transport: name },
          value,
        })),
    },
    {
      name: 'spoke_socket_writes_total',
      help: 'Writes handed to sockets.',
      type: 'counter',
      read: () => transport.traffic.writes,
    },
    {
      name: 'spoke_handshakes_failed_total',
      help: 'Connections that ended in their TLS or WebSocket handshake.',
      type: 'counter',
      read: () => transport.traffic.handshakesFailed,
    },
    ...metadata.gauges,
    {
      name: 'spoke_undecodable_records_total',
      help: 'Log records left out because they could not be decoded.',
      type: 'counter',
      read: () => broker.undecodableRecords,
    },
  ];
}
