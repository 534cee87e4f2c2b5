/**
 * The metadata services of a process, one for each topic of the event log, inside a broker or alone: how they are configured, what
 * they log, what they measure, and how they end.
 */
import type { EventLog } from '../event-log/event-log.ts';
import { MetadataService } from '../metadata/metadata-service.ts';
import type { PartitionShare } from '../metadata/partition-share.ts';
import { SessionFold } from '../metadata/session-fold.ts';
import { latestPerKey, type SnapshotFold } from '../metadata/snapshot-fold.ts';
import type { SnapshotStore } from '../metadata/snapshot-store.ts';
import type { GaugeSource } from '../metrics/prometheus.ts';
import type { Clock, Timers } from '../time/clock.ts';
import type { SpokeConfig } from './config-schema.ts';
import type { Logger } from './logging.ts';
import { serviceGauges, sessionFoldGauges } from './metadata-gauges.ts';

/** A topic as far as its snapshot is concerned. */
export interface FoldedTopic {
  readonly name: string;
  readonly log: EventLog;
  readonly snapshot: SnapshotStore;
  /** undefined: all of it. */
  readonly share?: PartitionShare;
}

export interface MetadataServicesOptions {
  readonly config: Pick<SpokeConfig, 'snapshot'>;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly sessions: FoldedTopic;
  readonly retained: FoldedTopic;
  /** Whether other processes write to the log, so that records may come late. With a single writer nothing does. */
  readonly logsAreShared: boolean;
  /** Set where nothing else follows the log: how often it is asked for its end, milliseconds. */
  readonly pollMs?: number;
}

export interface RunningService {
  /** Of its topic. */
  readonly name: string;
  readonly service: MetadataService;
}

export interface MetadataServices {
  readonly sessions: MetadataService;
  readonly retained: MetadataService;
  readonly all: readonly RunningService[];
  readonly gauges: readonly GaugeSource[];
  /** Takes a last checkpoint of each if that works at once. */
  finish(): Promise<void>;
}

/** Rejects if a log or a snapshot does not answer, with nothing left running. */
export async function startMetadataServices(options: MetadataServicesOptions): Promise<MetadataServices> {
  // Where nothing comes late, the latest record of a key is its state, and that needs neither a scan nor memory.
  const sessionFold = options.logsAreShared ? new SessionFold() : undefined;
  const sessions = await startService(options.sessions, sessionFold ?? latestPerKey(), options);
  const retained = await startService(options.retained, latestPerKey(), options).catch(
    async (error: unknown) => {
      await sessions.stop();
      throw error;
    },
  );
  const all = [
    { name: options.sessions.name, service: sessions },
    { name: options.retained.name, service: retained },
  ];
  return {
    sessions,
    retained,
    all,
    gauges: [...serviceGauges(all), ...(sessionFold === undefined ? [] : sessionFoldGauges(sessionFold))],
    finish: async () => {
      await Promise.all(all.map(({ service }) => service.finish()));
    },
  };
}

function startService(
  { name, log, snapshot, share }: FoldedTopic,
  fold: SnapshotFold,
  { config, logger, clock, timers, pollMs }: MetadataServicesOptions,
): Promise<MetadataService> {
  return MetadataService.start({
    log,
    snapshot,
    fold,
    ...(share !== undefined && { share }),
    clock,
    timers,
    checkpointRecords: config.snapshot.everyRecords,
    checkpointIntervalMs: config.snapshot.everyMs,
    ...(pollMs !== undefined && { pollMs }),
    onFailure: (err) => {
      logger.error({ err, topic: name }, 'snapshot not written, trying again');
    },
    onShare: (taken, released) => {
      if (share !== undefined) logger.info({ topic: name, taken, released }, 'partitions to fold changed');
    },
  });
}
