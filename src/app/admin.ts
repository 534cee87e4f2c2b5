/**
 * The admin API of this process: its port to the broker, its metrics page, its server. It opens before anything else does, and
 * tells how the start goes until there is a broker to ask.
 */
import type { AdminPort } from '../admin/admin-port.ts';
import { AdminServer } from '../admin/admin-server.ts';
import { AuditAdmin } from '../admin/audit-admin.ts';
import { EventAdmin } from '../admin/event-admin.ts';
import { LateAdminPort } from '../admin/late-admin-port.ts';
import type { EarlyPort } from '../admin/late-admin-port.ts';
import { LogWindow } from '../admin/log-window.ts';
import { clusterMembers } from '../admin/member-admin.ts';
import { QueueAdmin } from '../admin/queue-admin.ts';
import { SessionAdmin } from '../admin/session-admin.ts';
import { SessionHistory } from '../admin/session-history.ts';
import { TenantAdmin } from '../admin/tenant-admin.ts';
import type { LoggedAuditTrail } from '../audit/audit-trail.ts';
import type { Broker } from '../broker/broker.ts';
import type { TenantChanges } from '../broker/tenant-changes.ts';
import { limitGauges, MetricsPage, type GaugeSource } from '../metrics/prometheus.ts';
import type { Clock } from '../time/clock.ts';
import { listenError } from '../transport/listen-error.ts';
import type { TransportServer } from '../transport/transport-server.ts';
import { auditRetention } from './admin-schema.ts';
import { AdminTokens } from './admin-tokens.ts';
import { auditGauges } from './audit-gauges.ts';
import { usedLinks } from './auth-chains.ts';
import type { Authentication } from './authentication.ts';
import type { OpenedBridge } from './bridge.ts';
import type { SpokeConfig } from './config-schema.ts';
import type { BrokerDrain } from './broker-drain.ts';
import type { BrokerMetadata } from './broker-metadata.ts';
import type { BrokerPeers } from './broker-peers.ts';
import type { BrokerStores } from './broker-stores.ts';
import type { Logger } from './logging.ts';
import type { QueueDepth } from './queue-depth.ts';
import type { ListeningAddress } from './running-broker.ts';
import type { StartupProgress } from './startup-progress.ts';
import { quotaGauges } from './quota-gauges.ts';
import { peerGauges } from './peer-gauges.ts';
import { transportGauges } from './transport-gauges.ts';
import { VERSION } from './version.ts';
import type { WatchedCertificates } from './watched-certificates.ts';

/** What is there from the beginning. */
export interface EarlyAdminParts {
  readonly config: SpokeConfig;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly startup: StartupProgress;
  readonly startedAtMs: number;
}

/** What is there once the broker is ready. */
export interface AdminParts {
  readonly broker: Broker;
  readonly tenants: TenantChanges;
  readonly stores: BrokerStores;
  readonly transport: TransportServer;
  readonly certificates: WatchedCertificates;
  readonly metadata: BrokerMetadata;
  /** undefined: it shares its event log with nobody. */
  readonly peers: BrokerPeers | undefined;
  readonly drain: BrokerDrain;
  readonly depth: QueueDepth;
  readonly authentication: Authentication;
  readonly audit: LoggedAuditTrail;
  /** undefined: there are no rules. */
  readonly bridge: OpenedBridge | undefined;
  readonly listeners: readonly ListeningAddress[];
}

export interface RunningAdmin {
  readonly url: string;
  /** Reads the tokens again (SIGHUP). */
  reload(): Promise<void>;
  /** The broker is there: from now on everything is answered. */
  serve(parts: AdminParts): void;
  /** May be called again. */
  close(): Promise<void>;
}

/** undefined: turned off. Rejects when the address cannot be listened on. */
export async function openAdmin(early: EarlyAdminParts): Promise<RunningAdmin | undefined> {
  const { config, logger, clock } = early;
  const { host, port } = config.admin;
  if (!config.admin.enabled) return undefined;
  const tokens = await AdminTokens.open(config, logger);
  const late = new LateAdminPort(earlyPort(early));
  const server = new AdminServer({
    port: late,
    tokens: tokens.list,
    metricsNeedToken: config.admin.metricsNeedToken,
    allowedHosts: [host, ...config.admin.allowedHosts],
    version: VERSION,
    nowMs: () => clock.nowMs(),
    onError: (err, request) => {
      logger.error({ err, request }, 'admin request failed');
    },
  });
  const url = await server.listen(host, port).catch((cause: unknown) => {
    throw listenError(`admin API ${host}:${port}`, cause instanceof Error ? cause : new Error(String(cause)));
  });
  let closed: Promise<void> | undefined;
  return {
    url,
    reload: () => tokens.reload(),
    serve: (parts) => {
      late.become(adminPort(early, parts));
    },
    close: () => (closed ??= server.close()),
  };
}

function earlyPort({ config, startup, startedAtMs }: EarlyAdminParts): EarlyPort {
  const page = new MetricsPage({ tenants: () => [], gauges: startup.gauges, version: VERSION });
  const readiness: EarlyPort['readiness'] = () => ({ ready: false, reasons: [startup.reason] });
  return {
    readiness,
    status: () =>
      Promise.resolve({
        version: VERSION,
        brokerId: config.broker.id,
        incarnation: undefined,
        startedAtMs,
        ...readiness(),
        startup: startup.phases,
        listeners: [],
        tenants: [],
      }),
    metrics: () => page.text(),
  };
}

function adminPort(early: EarlyAdminParts, parts: AdminParts): AdminPort {
  const { config, clock, startup } = early;
  const { broker, stores, peers, drain, depth, audit } = parts;
  const { log } = stores.sessions;
  const window = new LogWindow(clock, config.eventLog.compactionLagMs);
  const sessions = new SessionAdmin(broker);
  const history = new SessionHistory({ log, window, answerMsMax: config.admin.historyMsMax });
  const queues = new QueueAdmin(broker, sessions);
  const events = new EventAdmin(log, window, () => Array.from(broker.tenants(), ({ tenant }) => tenant));
  const authenticators = config.auth.mode === 'chain' ? usedLinks(config) : new Set<string>();
  const tenants = new TenantAdmin({
    directory: broker.directory,
    countersOf: (tenant) => broker.tenant(tenant)?.counters,
    changes: parts.tenants,
    authenticators,
  });
  const trail = new AuditAdmin(stores.audit, clock, auditRetention(config.audit).ageMsMax);
  const page = new MetricsPage({
    tenants: () => Array.from(broker.tenants(), ({ tenant, counters }) => [tenant, counters] as const),
    gauges: [
      ...startup.gauges,
      ...gauges(parts),
      ...(peers === undefined ? [] : peerGauges(broker.services.peers, peers.links.stats)),
      ...stores.gauges,
      ...(peers?.gauges ?? []),
      ...drain.gauges,
      ...depth.gauges,
      ...quotaGauges(broker),
      ...auditGauges(audit),
      limitGauges(config.limits),
    ],
    version: VERSION,
  });
  return {
    status: () => Promise.resolve(status(early, parts)),
    readiness: () => readiness(parts),
    tenants,
    members: () => clusterMembers(peers?.roster),
    listSessions: (query) => sessions.listSessions(query),
    showSession: (tenant, clientId) => sessions.showSession(tenant, clientId),
    showSessionAt: (tenant, clientId, atMs, signal) => history.at(tenant, clientId, atMs, signal),
    kickSession: (tenant, clientId, discard) => sessions.kickSession(tenant, clientId, discard),
    beginDrain: (request) => drain.begin(request),
    drainStatus: () => drain.status,
    cancelDrain: () => drain.cancel(),
    listQueues: (query) => queues.listQueues(query),
    showQueue: (tenant, clientId) => queues.showQueue(tenant, clientId),
    purgeQueue: (tenant, clientId) => queues.purgeQueue(tenant, clientId),
    tailEvents: (query, signal) => events.tailEvents(query, signal),
    isEventCursor: (cursor) => events.isEventCursor(cursor),
    checkEventTime: (timeMs) => {
      events.checkEventTime(timeMs);
    },
    recordChange: (change) => audit.record(change),
    noteRefusal: (note) => {
      audit.note(note);
    },
    tailAudit: (query, signal) => trail.tailAudit(query, signal),
    isAuditCursor: (cursor) => trail.isAuditCursor(cursor),
    metrics: async () => {
      await depth.refresh();
      return page.text();
    },
  };
}

function status(
  { config, startup, startedAtMs }: EarlyAdminParts,
  parts: AdminParts,
): Awaited<ReturnType<AdminPort['status']>> {
  const { broker, listeners } = parts;
  return {
    version: VERSION,
    brokerId: config.broker.id,
    incarnation: broker.services.incarnation,
    startedAtMs,
    ...readiness(parts),
    startup: startup.phases,
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

/** Asked once everything is restored, so what can be missing is a store, or it is not to be ready. */
function readiness({ broker, stores, drain }: AdminParts): ReturnType<AdminPort['readiness']> {
  const queues = broker.services.batcher.isRetrying ? ['the queue store does not answer'] : [];
  const reasons = [...drain.reasons, ...queues, ...stores.problems()];
  return { ready: reasons.length === 0, reasons };
}

function gauges({
  broker,
  transport,
  metadata,
  authentication,
  bridge,
  certificates,
  listeners,
}: AdminParts): GaugeSource[] {
  const { batcher, brake, stagedRetained } = broker.services;
  return [
    ...transportGauges(transport, certificates, listeners),
    {
      name: 'spoke_staged_bytes',
      help: 'Bytes of messages that are accepted and not yet durable.',
      type: 'gauge',
      read: () => batcher.stagedBytes + stagedRetained.bytes,
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
    ...authentication.gauges,
    ...(bridge?.gauges ?? []),
    {
      name: 'spoke_undecodable_records_total',
      help: 'Log records left out because they could not be decoded.',
      type: 'counter',
      read: () => broker.undecodableRecords,
    },
  ];
}
