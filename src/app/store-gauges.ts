/** Gauges of the embedded queue store: what its journal holds, syncs and gives back. */
import type { EmbeddedQueueStats } from '../adapters/embedded/queue/embedded-queue-store.ts';
import type { GaugeSource } from '../metrics/prometheus.ts';

type Described = readonly [
  member: keyof EmbeddedQueueStats,
  type: GaugeSource['type'],
  name: string,
  help: string,
];

const GAUGES: readonly Described[] = [
  ['segments', 'gauge', 'spoke_store_segments', 'Files of the queue journal.'],
  ['diskBytes', 'gauge', 'spoke_store_disk_bytes', 'Bytes of the queue journal on disk.'],
  ['liveBytes', 'gauge', 'spoke_store_live_bytes', 'Bytes of the queue journal that are still wanted.'],
  ['indexBytes', 'gauge', 'spoke_store_index_bytes', 'Memory for the index of queued messages.'],
  ['spilledBytes', 'gauge', 'spoke_store_spilled_bytes', 'Bytes of that index moved to a scratch file.'],
  ['cacheBytes', 'gauge', 'spoke_store_cache_bytes', 'Memory for blocks of the queue journal.'],
  [
    'unsyncedBytes',
    'gauge',
    'spoke_store_unsynced_bytes',
    'Bytes given to the queue journal and not yet durable.',
  ],
  ['syncs', 'counter', 'spoke_store_syncs_total', 'Groups of records made durable together.'],
  ['segmentsRewritten', 'counter', 'spoke_store_segments_rewritten_total', 'Sparse files moved together.'],
  [
    'tornBytes',
    'gauge',
    'spoke_store_torn_bytes',
    'Unfinished bytes that a crash left, cut off at the start.',
  ],
  ['damagedBytes', 'gauge', 'spoke_store_damaged_bytes', 'Bytes found damaged at the start and left out.'],
];

/** One read of `stats` per gauge and scrape; it is a handful of additions. */
export function storeGauges(stats: () => EmbeddedQueueStats): GaugeSource[] {
  return GAUGES.map(([member, type, name, help]) => ({ name, help, type, read: () => stats()[member] }));
}
