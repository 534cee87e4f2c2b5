/** Opens the store of durable queues that the configuration asks for, with its gauges. */
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { directoryIdentity } from '../adapters/embedded/directory-identity.ts';
import type { FileSystem } from '../adapters/embedded/file-system.ts';
import { openEmbeddedQueueStore, type StoreEvent } from '../adapters/embedded/queue/embedded-queue-store.ts';
import type { GaugeSource } from '../metrics/prometheus.ts';
import type { DurableQueueStore } from '../queue/durable-queue.ts';
import type { QueueQuotaOf } from './broker-stores.ts';
import type { SpokeConfig } from './config-schema.ts';
import { storeGauges } from './store-gauges.ts';

export interface QueueStore {
  readonly store: DurableQueueStore;
  readonly gauges: readonly GaugeSource[];
  /** Makes everything accepted durable and lets go of files and sockets. */
  close(): Promise<void>;
}

export interface QueueStoreOptions {
  readonly config: Pick<SpokeConfig, 'broker' | 'durability' | 'limits' | 'storage' | 'queues' | 'hbase'>;
  /** The data directory: absolute, there, and locked. */
  readonly directory: string;
  readonly fileSystem: FileSystem;
  readonly nowMs: () => number;
  readonly observe: (event: StoreEvent) => void;
  readonly quotaOf: QueueQuotaOf;
}

export async function openQueueStore(options: QueueStoreOptions): Promise<QueueStore> {
  return options.config.queues.store === 'hbase' ? openInHBase(options) : openEmbedded(options);
}

async function openEmbedded(options: QueueStoreOptions): Promise<QueueStore> {
  const { config, directory, fileSystem, nowMs, observe, quotaOf } = options;
  const store = await openEmbeddedQueueStore({
    directory: path.join(directory, 'queues'),
    durability: config.durability,
    defaultQuota: config.limits.durableQueue,
    quotaOf,
    segmentBytes: config.storage.segmentBytes,
    nowMs,
    fileSystem,
    observe,
  });
  return { store, gauges: storeGauges(() => store.stats()), close: () => store.close() };
}

async function openInHBase(options: QueueStoreOptions): Promise<QueueStore> {
  const { config, directory, fileSystem, nowMs, quotaOf } = options;
  const identity = await directoryIdentity({ directory, fileSystem, randomId: randomUUID });
  // Loaded only where it is used: an embedded broker starts without it.
  const { connectQueuesInHBase } = await import('./hbase-queues.ts');
  return connectQueuesInHBase(config, `${identity} of ${config.broker.id}`, nowMs, quotaOf);
}
