/**
 * Opens what a broker keeps: the logs and their snapshots and the ids below one data directory, the queues there too or
 * in HBase. Damage that the parts find is logged; it never keeps the broker from starting.
 */
import path from 'node:path';
import {
  openEmbeddedEventLog,
  type EmbeddedEventLog,
} from '../adapters/embedded/event-log/embedded-event-log.ts';
import { nodeFileSystem, type FileSystem } from '../adapters/embedded/file-system.ts';
import { lockDirectory } from '../adapters/embedded/journal/directory-lock.ts';
import { EmbeddedSessionIds } from '../adapters/embedded/session-ids.ts';
import { openEmbeddedSnapshotStore } from '../adapters/embedded/snapshot/embedded-snapshot-store.ts';
import { nextStartNumber } from '../adapters/embedded/start-number.ts';
import type { SessionIdGenerator } from '../session/session-id-generator.ts';
import type { Clock } from '../time/clock.ts';
import { auditRetention } from './admin-schema.ts';
import { OpenedParts, type BrokerStores, type TenantFacts, type Topic } from './broker-stores.ts';
import type { SpokeConfig } from './config-schema.ts';
import type { Logger } from './logging.ts';
import type { openRedisSessionIds } from './session-ids.ts';
import { openQueueStore, type QueueStoreOptions } from './queue-store.ts';

/**
 * `tenants.highestSessionId` is asked when the file of ids is damaged. Rejects with `DirectoryLockedError` when another process uses the directory, or with the disk's
 * errors.
 */
export async function openEmbeddedStores(
  config: Pick<SpokeConfig, 'dataDirectory' | 'eventLog' | 'audit' | 'sessionIds'> &
    QueueStoreOptions['config'],
  logger: Logger,
  clock: Clock,
  tenants: TenantFacts,
  fileSystem: FileSystem = nodeFileSystem,
): Promise<BrokerStores> {
  const directory = path.resolve(config.dataDirectory);
  await fileSystem.makeDirectory(directory);
  const lock = await lockDirectory(fileSystem, directory);
  const opened = new OpenedParts();
  opened.keep({ close: () => lock.release() });
  const nowMs = (): number => clock.nowMs();
  const { durability } = config;
  const { segmentBytes } = config.storage;
  const observe = (part: string) => (event: { readonly type: string }) => {
    logger.warn({ part, ...event }, 'embedded store');
  };

  async function openLog(name: string): Promise<EmbeddedEventLog> {
    return opened.keep(
      await openEmbeddedEventLog({
        directory: path.join(directory, name, 'log'),
        durability,
        compactionLagMs: config.eventLog.compactionLagMs,
        segmentBytes,
        nowMs,
        fileSystem,
        observe: observe(`${name} log`),
      }),
    );
  }

  async function openTopic(name: string): Promise<Topic> {
    const log = await openLog(name);
    const snapshot = opened.keep(
      await openEmbeddedSnapshotStore({
        directory: path.join(directory, name, 'snapshot'),
        fileSystem,
        observe: observe(`${name} snapshot`),
      }),
    );
    // A log that lost its end to damage must not give out offsets that the snapshot has seen.
    const [checkpoint] = (await snapshot.loadCheckpoint()) ?? [];
    if (checkpoint !== undefined) log.advanceTo(checkpoint);
    return {
      name,
      log,
      snapshot,
      keepTombstonesFrom: (from) => {
        log.keepTombstonesFrom(from);
      },
    };
  }

  try {
    const onDamage = (file: string): void => {
      logger.warn({ file }, 'embedded store: damaged file replaced');
    };
    const startNumber = await nextStartNumber({ directory, fileSystem, nowMs: nowMs(), onDamage });
    const sessions = await openTopic('sessions');
    const retained = await openTopic('retained');
    const tenantLog = await openLog('tenants');
    const queues = opened.keep(
      await openQueueStore({
        config,
        directory,
        fileSystem,
        nowMs,
        observe: observe('queues'),
        quotaOf: tenants.queueQuota,
      }),
    );
    const audit = opened.keep(
      await openEmbeddedEventLog({
        directory: path.join(directory, 'audit', 'log'),
        durability,
        retention: auditRetention(config.audit),
        nowMs,
        fileSystem,
        observe: observe('audit log'),
      }),
    );
    const sessionIds = opened.keep(
      config.sessionIds.store === 'redis'
        ? await redisSessionIds(config.sessionIds, tenants, logger)
        : new EmbeddedSessionIds({
            directory: path.join(directory, 'session-ids'),
            fileSystem,
            highestKnown: tenants.highestSessionId,
            onDamage,
          }),
    );
    const { store, gauges } = queues;
    return {
      startNumber,
      shared: false,
      queues: store,
      sessions,
      retained,
      tenants: tenantLog,
      sessionIds,
      audit,
      gauges,
      problems: () => [],
      close: () => opened.close(),
    };
  } catch (error) {
    await opened.close();
    throw error;
  }
}

/** Loaded only where it is used: an embedded broker starts without its client. */
async function redisSessionIds(
  ...options: Parameters<typeof openRedisSessionIds>
): Promise<SessionIdGenerator> {
  const { openRedisSessionIds } = await import('./session-ids.ts');
  return openRedisSessionIds(...options);
}
