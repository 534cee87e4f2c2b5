/** The layout of the measured table: that of the product, with or without its endpoint. */
import type { TableDescriptor } from '../../src/adapters/hbase/client/table-descriptor.ts';
import {
  type InMemoryCompaction,
  queueTable,
  queueTableName,
} from '../../src/adapters/hbase/tables/queue-table.ts';

export const NAMESPACE = 'bench';
export const TABLE = queueTableName(NAMESPACE);

export interface TableLayout {
  readonly hasEndpoint: boolean;
  readonly inMemoryCompaction: InMemoryCompaction;
}

export function benchTable({ hasEndpoint, inMemoryCompaction }: TableLayout): TableDescriptor {
  const table = queueTable({
    namespace: NAMESPACE,
    messageTtlS: 0,
    inMemoryCompaction,
    coprocessorJar: '',
  });
  if (hasEndpoint) return table;
  const attributes = Object.entries(table.attributes).filter(([name]) => !name.startsWith('coprocessor'));
  return { ...table, attributes: Object.fromEntries(attributes) };
}
