/**
 * One broker process, put together and taken apart again: the only file that joins adapters, core and transport.
 * No listener opens before snapshot and tail are applied and the sessions of a dead predecessor are closed.
 */
import { randomUUID } from 'node:crypto';
import { setImmediate as endOfTurn } from 'node:timers/promises';
import type { FileSystem } from '../adapters/embedded/file-system.ts';
import { CHECK_EVERY_MS } from '../adapters/file/file-version.ts';
import { NO_NOTES, type AuditNotes } from '../audit/audit-trail.ts';
import { Broker, type BrokerOptions } from '../broker/broker.ts';
import { Drain } from '../broker/drain.ts';
import { Housekeeping } from '../broker/housekeeping.ts';
import { FencedEventLog, FencedQueues } from '../cluster/fenced-stores.ts';
import { PeerMesh } from '../cluster/peer-mesh.ts';
import { bootstrap, type Bootstrapped, type BootstrapOptions } from '../metadata/bootstrap.ts';
import { sysTopics } from '../metrics/sys-topics.ts';
import { incarnation } from '../tenancy/identity.ts';
import { TenantDirectory } from '../tenancy/tenant-directory.ts';
import { SystemClock, SystemTimers } from '../transport/system-time.ts';
import { TransportServer } from '../transport/transport-server.ts';
import { openAdmin } from './admin.ts';
import { openAuthentication } from './authentication.ts';
import { auditTrail, RELOAD, takePending } from './broker-audit.ts';
import { startBridge } from './broker-bridge.ts';
import { BrokerDrain } from './broker-drain.ts';
import { startBrokerMetadata, type BrokerMetadata } from './broker-metadata.ts';
import type { BrokerPeers } from './broker-peers.ts';
import { openTenants } from './broker-tenants.ts';
import type { SpokeConfig } from './config-schema.ts';
import type { BrokerStores, TenantFacts, Topic } from './broker-stores.ts';
import { openEmbeddedStores } from './embedded-stores.ts';
import { listenerOptions } from './listener-files.ts';
import type { Logger } from './logging.ts';
import { QueueDepth } from './queue-depth.ts';
import { watchQueueTotals } from './queue-total-watch.ts';
import { RefusalLog } from './refusal-log.ts';
import type { ListeningAddress, RunningBroker } from './running-broker.ts';
import { StartupProgress, type BootstrapObserver } from './startup-progress.ts';
import { tenantOrNone } from './tenant-name-schema.ts';
import { VERSION } from './version.ts';
import { WatchedCertificates } from './watched-certificates.ts';

/** Of the shutdown deadline, for clients to take their last packets; the rest is for the disk. */
const DRAIN_SHARE = 0.5;

/** Parts that stop in the reverse order of their start. */
type StopStep = () => Promise<void> | void;

/**
 * Resolves when every listener accepts connections; rejects when the broker cannot start, with nothing left
 * open. `fileSystem`: another disk for the embedded store, for tests.
 */
export async function startBroker(
  config: SpokeConfig,
  logger: Logger,
  fileSystem?: FileSystem,
): Promise<RunningBroker> {
  const stops: StopStep[] = [];
  const stop = async (): Promise<void> => {
    for (const step of stops.splice(0).reverse()) await step();
  };
  try {
    return await start(config, logger, fileSystem, stops, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function start(
  config: SpokeConfig,
  logger: Logger,
  fileSystem: FileSystem | undefined,
  stops: StopStep[],
  stop: () => Promise<void>,
): Promise<RunningBroker> {
  const clock = new SystemClock();
  const timers = new SystemTimers();
  const startedAtMs = clock.nowMs();
  const startup = new StartupProgress({ clock, timers, logger });
  stops.push(() => {
    startup.stop();
  });
  // First of all: whoever waits for the broker can ask how far it is.
  const admin = await openAdmin({ config, logger, clock, startup, startedAtMs });
  stops.push(() => admin?.close());
  startup.begin('stores');
  // Nobody logs in before there is a trail.
  let trail: AuditNotes = NO_NOTES;
  const notes: AuditNotes = {
    note: (note) => {
      trail.note(note);
    },
  };
  const directory = new TenantDirectory(config.tenants);
  const authentication = await openAuthentication(config, directory, logger, { clock, timers }, notes);
  stops.push(() => authentication.close());
  const facts: TenantFacts = {
    highestSessionId: (tenant) => broker.tenant(tenant)?.highestSessionId ?? 0,
    queueQuota: (tenant) => (broker.tenant(tenant)?.limits ?? config.limits).durableQueue,
  };
  const stores = await openStores(config, logger, clock, facts, fileSystem);
  stops.push(() => stores.close());
  const audit = auditTrail(config, stores.audit, logger, { clock, timers });
  trail = audit;
  stops.push(() => audit.close());
  await takePending(audit, config.dataDirectory, logger);
  const self = incarnation(config.broker.id, stores.startNumber);
  const { barrierTimeoutMs, noticeBytesMax } = config.cluster;
  const mesh = new PeerMesh({ incarnation: self, clock, timers, log: logger, barrierTimeoutMs });
  const broker = new Broker({
    tenants: directory,
    defaultTenant: tenantOrNone(config.defaultTenant),
    incarnation: self,
    logsAreShared: stores.shared,
    ...writtenBy(mesh, stores),
    mesh,
    noticeBytesMax,
    sessionIds: stores.sessionIds,
    authenticator: authentication.authenticator,
    enhancedAuthenticators: authentication.enhanced,
    isAsked: (tenant, authenticator) => authentication.isAsked(tenant, authenticator),
    responseInformation: config.mqtt.responseInformation,
    audit,
    clock,
    timers,
    limits: config.limits,
    quotas: config.quotas,
    log: logger,
    randomId: randomUUID,
  });
  authentication.followChanges({
    changed: (users) => {
      broker.usersChanged(users);
    },
    tenantChanged: (tenant) => void broker.tenantChanged(tenant),
    missed: () => void broker.changesMissed(),
  });
  const tenants = await openTenants(broker, stores, authentication, clock);
  stops.push(() => tenants.stop());
  const { metadata, peers } = await restore(broker, stores, config, logger, clock, timers, startup, stops);

  const depth = new QueueDepth(stores.queues);
  const housekeeping = new Housekeeping({
    broker,
    sysIntervalS: config.sys.intervalS,
    sysTopics: (tenant) =>
      sysTopics({
        version: VERSION,
        uptimeS: (clock.nowMs() - startedAtMs) / 1000,
        counters: tenant.counters,
        queuedMessages: depth.messages(tenant.tenant),
      }),
  });
  startup.begin('orphanedQueues');
  // Another broker may have begun a session since: for shared stores the compaction job does it, which waits for the log.
  const orphaned = stores.shared ? 0 : await housekeeping.dropOrphanedQueues();
  startup.reached(orphaned);
  if (orphaned > 0) logger.info({ queues: orphaned }, 'queues of ended sessions dropped');
  housekeeping.start();
  tenants.startRemoving();
  stops.push(() => {
    housekeeping.stop();
  });

  stops.push(watchQueueTotals({ broker, depth, timers, logger }));

  startup.begin('listeners');
  const certificates = await WatchedCertificates.of(config.listeners);
  const refusals = new RefusalLog(logger, clock);
  const transport = new TransportServer({
    listeners: await listenerOptions(config.listeners),
    limits: config.limits,
    clock,
    timers,
    accept: broker.accept,
    mayServe: () => mesh.holdsPlace,
    onRefused: (reason) => {
      logger.debug({ reason }, 'connection refused before its handshake');
    },
    onHandshakeFailed: (failed) => {
      logger.debug(failed, 'handshake failed');
    },
    onProxyHeader: ({ source, authority, alpn, tls, uniqueId }, proxy, listener) => {
      const fields = { source, authority, alpn, tls, uniqueId: uniqueId?.toString('utf8'), proxy, listener };
      logger.debug(fields, 'connection of a proxy');
    },
    onProxyRefused: (refused) => {
      refusals.proxyRefused(refused);
    },
  });
  followCertificates(certificates, transport, logger);
  stops.push(() => {
    certificates.close();
  });
  stops.push(async () => {
    transport.stopAccepting();
    const ended = broker.stop();
    await transport.drain(config.shutdown.deadlineMs * DRAIN_SHARE);
    await ended;
  });
  const bridge = await startBridge(config, broker, peers?.membership, logger);
  stops.push(() => bridge?.stop());
  let placeLost: (reason: string) => void = () => undefined;
  const lost = new Promise<string>((resolve) => {
    placeLost = resolve;
  });
  peers?.membership.onLost((reason) => {
    logger.error({ reason }, 'this broker has lost its place among the others: every client is disconnected');
    void transport.close();
    placeLost(reason);
  });
  const bound = await transport.listen();
  if (!mesh.holdsPlace) throw new Error('its place among the other brokers was lost while it started');
  const listeners: ListeningAddress[] = bound.map((address, index) => {
    const listener = config.listeners[index];
    return { ...address, path: listener !== undefined && 'path' in listener ? listener.path : undefined };
  });
  startup.succeeded();
  let stopProcess: (reason: string) => void = () => undefined;
  const stopRequested = new Promise<string>((resolve) => {
    stopProcess = resolve;
  });
  const drain = new BrokerDrain({
    drain: new Drain(broker, clock, timers),
    membership: peers?.membership,
    logger,
    stopProcess,
  });
  stops.push(() => {
    drain.stop();
  });
  admin?.serve({
    broker,
    tenants: tenants.changes,
    stores,
    transport,
    certificates,
    metadata,
    peers,
    drain,
    depth,
    authentication,
    audit,
    bridge,
    listeners,
  });
  // The first to go as well: nobody is to ask a broker that is being taken apart.
  stops.push(() => admin?.close());
  const reload = async (): Promise<void> => {
    // Whoever takes a token away must not depend on the trail: a reload is made whether it can be recorded or not.
    const recorded = audit.record(RELOAD).catch((err: unknown) => {
      logger.error({ err }, 'a reload could not be put on the audit trail');
    });
    await Promise.all([
      authentication.reload(),
      certificates.check(),
      peers?.checkCertificates(),
      admin?.reload(),
      recorded,
    ]);
  };
  return { listeners, adminUrl: admin?.url, reload, stopRequested, lost, stop };
}

function followCertificates(
  certificates: WatchedCertificates,
  transport: TransportServer,
  logger: Logger,
): void {
  certificates.follow({
    checkEveryMs: CHECK_EVERY_MS,
    exchange: (index, tls) => {
      transport.exchangeCertificates(index, tls);
    },
    onReload: ({ transport: name, port }) => {
      logger.info({ listener: name, port }, 'certificates read again: new connections get them');
    },
    onProblem: (err, { transport: name, port }) => {
      logger.error(
        { err, listener: name, port },
        'certificates changed but cannot be used: those from before stay',
      );
    },
  });
}

/** `fileSystem`: of the embedded stores. */
async function openStores(
  config: SpokeConfig,
  logger: Logger,
  clock: SystemClock,
  tenants: TenantFacts,
  fileSystem: FileSystem | undefined,
): Promise<BrokerStores> {
  if (config.eventLog.store === 'embedded')
    return openEmbeddedStores(config, logger, clock, tenants, fileSystem);
  // Loaded only where it is used: an embedded broker starts without it.
  const { openClusterStores } = await import('./cluster-stores.ts');
  return openClusterStores(config, logger, clock, tenants);
}

/** Stores that are shared are not written to any more once others may act for this broker. */
function writtenBy(
  mesh: PeerMesh,
  { queues, sessions, retained, shared }: BrokerStores,
): Pick<BrokerOptions, 'store' | 'sessionLog' | 'retainedLog'> {
  if (!shared) return { store: queues, sessionLog: sessions.log, retainedLog: retained.log };
  const mayAct = (): boolean => mesh.holdsPlace;
  return {
    store: new FencedQueues(queues, mayAct),
    sessionLog: new FencedEventLog(sessions.log, mayAct),
    retainedLog: new FencedEventLog(retained.log, mayAct),
  };
}

interface Restored {
  readonly metadata: BrokerMetadata;
  /** undefined: there can be none. */
  readonly peers: BrokerPeers | undefined;
}

/** Brings the folds up to date, lets the snapshots follow, and joins the other brokers. */
async function restore(
  broker: Broker,
  stores: BrokerStores,
  config: SpokeConfig,
  logger: Logger,
  clock: SystemClock,
  timers: SystemTimers,
  startup: StartupProgress,
  stops: StopStep[],
): Promise<Restored> {
  const sessions = await follow(stores.sessions, clock, logger, startup.bootstrapOf('sessions'), {
    apply: (row) => {
      broker.applySessionRecord(row);
    },
    onApplied: (position) => {
      broker.applied.reached(position);
    },
  });
  stops.push(() => sessions.follower.stop());
  const retained = await follow(stores.retained, clock, logger, startup.bootstrapOf('retained'), {
    apply: (row) => {
      broker.applyRetainedRecord(row);
    },
    onApplied: (position) => {
      broker.appliedRetained.reached(position);
    },
  });
  stops.push(() => retained.follower.stop());

  const metadata = await startBrokerMetadata({ config, logger, clock, timers, stores });
  stops.push(() => metadata.stop());
  const peers = stores.shared
    ? await joinPeers(broker, config, logger, clock, timers, startup, stops)
    : undefined;
  let closed = 0;
  startup.begin('orphanedSessions');
  for (const tenant of broker.tenants()) closed += await tenant.orphans.closeAll();
  startup.reached(closed);
  if (closed > 0)
    logger.info({ sessions: closed }, 'sessions closed that were connected when their broker died');
  return { metadata, peers };
}

async function joinPeers(
  broker: Broker,
  config: SpokeConfig,
  logger: Logger,
  clock: SystemClock,
  timers: SystemTimers,
  startup: StartupProgress,
  stops: StopStep[],
): Promise<BrokerPeers> {
  startup.begin('peers');
  // Loaded only where it is used: an embedded broker starts without it.
  const { BrokerPeers } = await import('./broker-peers.ts');
  const { mesh } = broker.services.peers;
  const peers = await BrokerPeers.open({ config, logger, clock, timers, mesh });
  stops.push(() => peers.close());
  await peers.join(broker);
  logger.info({ brokers: mesh.links().length + 1, address: peers.links.address }, 'joined the other brokers');
  return peers;
}

async function follow(
  topic: Topic,
  clock: SystemClock,
  logger: Logger,
  onProgress: BootstrapObserver,
  fold: Pick<BootstrapOptions, 'apply' | 'onApplied'>,
): Promise<Bootstrapped> {
  const { log, snapshot, name } = topic;
  const result = await bootstrap({ log, snapshot, clock, ...fold, onProgress, pause: endOfTurn });
  const { snapshotRows, tailRecords, snapshotMs, tailMs } = result;
  logger.info({ topic: name, snapshotRows, snapshotMs, tailRecords, tailMs }, 'state restored');
  return result;
}
