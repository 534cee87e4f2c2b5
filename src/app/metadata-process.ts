/**
 * `spoke metadata`, put together and taken apart again: the event log in Kafka, its share of the partitions, the snapshots in HBase, and
 * a page that says how it is. Serves no client and writes no record.
 */
import { openHBaseSnapshotStore } from '../adapters/hbase/snapshot/hbase-snapshot-store.ts';
import type { AdminPort } from '../admin/admin-port.ts';
import { ObservationServer } from '../admin/observation-server.ts';
import { MetricsPage } from '../metrics/prometheus.ts';
import { SystemClock, SystemTimers } from '../transport/system-time.ts';
import type { SpokeConfig } from './config-schema.ts';
import { clientGauges } from './hbase-gauges.ts';
import { connectHBase } from './hbase-queues.ts';
import { kafkaGauges } from './kafka-gauges.ts';
import { openKafkaTopic, type KafkaTopicLog } from './kafka-logs.ts';
import type { Logger } from './logging.ts';
import { joinMetadataGroup, type MetadataGroup } from './metadata-group.ts';
import { startMetadataServices, type MetadataServices } from './metadata-services.ts';
import type { RunningMetadata } from './running-metadata.ts';
import { VERSION } from './version.ts';

/** How often the log says how far it is. */
const PROGRESS_MS = 60_000;

/** Parts that stop in the reverse order of their start. */
type StopStep = () => Promise<void> | void;

/** Resolves when it folds, or waits for its share; rejects when it cannot start, with nothing left open. */
export async function startMetadata(config: SpokeConfig, logger: Logger): Promise<RunningMetadata> {
  const stops: StopStep[] = [];
  const stop = async (): Promise<void> => {
    for (const step of stops.splice(0).reverse()) await step();
  };
  try {
    return { adminUrl: await start(config, logger, stops), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Resolves to the URL of its page, if it has one. */
async function start(config: SpokeConfig, logger: Logger, stops: StopStep[]): Promise<string | undefined> {
  const openLog = async (name: 'sessions' | 'retained'): Promise<KafkaTopicLog> => {
    const topic = await openKafkaTopic(config, name, logger);
    stops.push(() => topic.log.close());
    return topic;
  };
  const logs = { sessions: await openLog('sessions'), retained: await openLog('retained') };
  const client = await connectHBase(config.hbase);
  stops.push(() => {
    client.close();
  });
  const openSnapshot = async (topic: 'sessions' | 'retained') =>
    await openHBaseSnapshotStore({
      client,
      namespace: config.hbase.namespace,
      topic,
      partitionCount: config.kafka.partitions,
    });
  const snapshots = { sessions: await openSnapshot('sessions'), retained: await openSnapshot('retained') };
  const group = await joinMetadataGroup(config, logger);
  stops.push(() => group.close());
  const folded = (name: 'sessions' | 'retained') => ({
    name,
    log: logs[name].log,
    snapshot: snapshots[name],
    share: group[name],
  });
  const timers = new SystemTimers();
  const services = await startMetadataServices({
    config,
    logger,
    clock: new SystemClock(),
    timers,
    logsAreShared: true,
    sessions: folded('sessions'),
    retained: folded('retained'),
    pollMs: config.metadata.pollMs,
  });
  stops.push(async () => {
    await services.finish();
    logger.info(progressOf(services), 'folded');
  });
  tellProgress(services, logger, timers, stops);

  const page = new MetricsPage({
    tenants: () => [],
    gauges: [
      ...services.gauges,
      ...group.gauges,
      ...kafkaGauges([logs.sessions, logs.retained]),
      ...clientGauges(client.stats),
    ],
    version: VERSION,
  });
  const port = { metrics: () => page.text(), readiness: () => readiness(services, group) };
  return await openPage(config, port, logger, stops);
}

function tellProgress(
  services: MetadataServices,
  logger: Logger,
  timers: SystemTimers,
  stops: StopStep[],
): void {
  const again = () =>
    timers.after(PROGRESS_MS, () => {
      logger.info(progressOf(services), 'folding');
      timer = again();
    });
  let timer = again();
  stops.push(() => {
    timer.cancel();
  });
}

function progressOf({ all }: MetadataServices): Record<string, unknown> {
  return Object.fromEntries(
    all.map(({ name, service }) => {
      const { lags, records, rows, checkpoints, failures } = service;
      const lagMs = Math.max(0, ...lags.map(({ ms }) => ms));
      const partitions = lags.length;
      return [
        name,
        { partitions, records, rows, checkpoints, failures, lagRecords: service.lagRecords, lagMs },
      ];
    }),
  );
}

function readiness({ all }: MetadataServices, group: MetadataGroup): ReturnType<AdminPort['readiness']> {
  const reasons = all.flatMap(({ name, service: { trouble } }) =>
    trouble === undefined ? [] : [`${name}: ${trouble instanceof Error ? trouble.message : 'a step failed'}`],
  );
  if (!group.joined) reasons.push('not in the group that divides the partitions');
  return { ready: reasons.length === 0, reasons };
}

async function openPage(
  { admin }: SpokeConfig,
  port: Pick<AdminPort, 'metrics' | 'readiness'>,
  logger: Logger,
  stops: StopStep[],
): Promise<string | undefined> {
  if (!admin.enabled) return undefined;
  const server = new ObservationServer({
    port,
    allowedHosts: [admin.host, ...admin.allowedHosts],
    onError: (err, request) => {
      logger.error({ err, request }, 'request failed');
    },
  });
  const url = await server.listen(admin.host, admin.port);
  stops.push(() => server.close());
  return url;
}
