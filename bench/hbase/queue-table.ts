/** The layout of the measured table: that of the product, with or without its endpoint. */
import type { TableDescriptor } from '../../src/adapters/hbase/client/table-descriptor.ts';

export const TABLE = 'bench:queues';

export interface TableLayout {
  readonly hasEndpoint: boolean;
  readonly inMemoryCompaction: 'NONE' | 'BASIC' | 'EAGER';
}

const REGIONS = 128;
export const REGION_SPLITS = Array.from({ length: REGIONS - 1 }, (_, index) =>
  Buffer.from([(index + 1) * 2]),
);

export function benchTable({ hasEndpoint, inMemoryCompaction }: TableLayout): TableDescriptor {
  const family = (name: string) => ({
    name,
    attributes: { IN_MEMORY_COMPACTION: inMemoryCompaction, DATA_BLOCK_ENCODING: 'FAST_DIFF' },
  });
  return {
    name: TABLE,
    families: [family('m'), family('q')],
    attributes: hasEndpoint ? { coprocessor$1: '|io.spokemq.queue.QueueEndpoint|1073741823|' } : {},
  };
}
