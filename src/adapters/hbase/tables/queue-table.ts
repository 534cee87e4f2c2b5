/**
 * The queue table as this release wants it (docs/adr/0005): two families, 128 regions, the queue endpoint. What an operator may
 * choose is an option; everything else is part of the contract with the endpoint.
 */
import type { TableDescriptor } from '../client/table-descriptor.ts';
import { laneStarts } from '../queue/row-key.ts';

export type InMemoryCompaction = 'NONE' | 'BASIC' | 'EAGER';

export interface QueueTableOptions {
  readonly namespace: string;
  /** Seconds a message row lives at most, whoever forgets it; 0: for ever. */
  readonly messageTtlS: number;
  readonly inMemoryCompaction: InMemoryCompaction;
  /** Where region servers find the endpoint's jar; empty: on their class path. */
  readonly coprocessorJar: string;
}

/** Release of the endpoint in `coprocessor/` that belongs to this broker. */
export const ENDPOINT_VERSION = '1.0.2';
export const ENDPOINT_CLASS = 'io.spokemq.queue.QueueEndpoint';

const QUEUES = 'queues';
const MESSAGES_FAMILY = 'm';
const STATES_FAMILY = 'q';
/** HBase's word for no time to live. */
const FOREVER_S = 2 ** 31 - 1;
/** In the middle, where HBase puts the coprocessors of users. */
const COPROCESSOR_PRIORITY = 2 ** 30 - 1;
/**
 * Of a store's share of the flush size: when memory is compacted. HBase's own 0.014 closes a segment before it fills one of the
 * chunks that memory is taken in, so that with many regions half of it is empty, and a server runs out long before its limit counts.
 */
const IN_MEMORY_FLUSH_FACTOR = 0.1;
/** Rows of a queue begin with its session id; a region may split between two of those and nowhere else. */
const SPLIT_PREFIX_BYTES = 8;

export function queueTableName(namespace: string): string {
  return `${namespace}:${QUEUES}`;
}

export function queueTable(options: QueueTableOptions): Required<TableDescriptor> {
  const { namespace, messageTtlS, inMemoryCompaction, coprocessorJar } = options;
  const shared = {
    VERSIONS: '1',
    DATA_BLOCK_ENCODING: 'FAST_DIFF',
    IN_MEMORY_COMPACTION: inMemoryCompaction,
  };
  const messageTtl = messageTtlS === 0 ? FOREVER_S : messageTtlS;
  return {
    name: queueTableName(namespace),
    families: [
      // Messages are read by short scans, which ask no Bloom filter; states one by one.
      { name: MESSAGES_FAMILY, attributes: { ...shared, TTL: `${messageTtl}`, BLOOMFILTER: 'NONE' } },
      { name: STATES_FAMILY, attributes: { ...shared, TTL: `${FOREVER_S}`, BLOOMFILTER: 'ROW' } },
    ],
    attributes: {
      SPLIT_POLICY: 'org.apache.hadoop.hbase.regionserver.ConstantSizeRegionSplitPolicy',
      'hbase.regionserver.region.split_restriction.type': 'KeyPrefix',
      'hbase.regionserver.region.split_restriction.prefix_length': `${SPLIT_PREFIX_BYTES}`,
      'hbase.memstore.inmemoryflush.threshold.factor': `${IN_MEMORY_FLUSH_FACTOR}`,
      // Another version is another value: region servers load the class again when the table is changed.
      coprocessor$1: `${coprocessorJar}|${ENDPOINT_CLASS}|${COPROCESSOR_PRIORITY}|version=${ENDPOINT_VERSION}`,
    },
    configuration: {},
  };
}

/** Where its regions begin when it is made, but for the first. */
export function queueTableSplits(): readonly Buffer[] {
  return laneStarts();
}
