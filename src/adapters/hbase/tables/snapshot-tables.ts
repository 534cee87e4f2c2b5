/**
 * The tables of snapshots, checkpoints and counters as this release wants them (docs/adr/0008). Cells of the first three carry offsets of
 * the log where HBase expects times: nothing in them may ever be too old.
 */
import type { TableDescriptor } from '../client/table-descriptor.ts';
import { COUNTER_FAMILY } from '../counters/counter-layout.ts';
import { CHECKPOINT_FAMILY } from '../snapshot/checkpoint-layout.ts';
import { partitionStart, SNAPSHOT_FAMILY } from '../snapshot/snapshot-layout.ts';
import type { WantedTable } from './wanted-table.ts';

/** What is folded into a table of its own. */
export type SnapshotTopic = 'sessions' | 'retained';

/** HBase's word for no time to live. */
const FOREVER_S = 2 ** 31 - 1;
/** No limit: how large a retained message may be is the broker's to say. */
const NO_CELL_BYTES_MAX = '0';

export function snapshotTableName(namespace: string, topic: SnapshotTopic): string {
  return `${namespace}:${topic}`;
}

export function checkpointTableName(namespace: string): string {
  return `${namespace}:checkpoints`;
}

export function counterTableName(namespace: string): string {
  return `${namespace}:counters`;
}

/** Rows are never read one by one, so Bloom filters would only cost. */
export function snapshotTables(namespace: string, partitionCount: number): readonly WantedTable[] {
  const splits = Array.from({ length: partitionCount - 1 }, (_, index) => partitionStart(index + 1));
  const rows = { DATA_BLOCK_ENCODING: 'FAST_DIFF', BLOOMFILTER: 'NONE' };
  const single = { DATA_BLOCK_ENCODING: 'NONE', BLOOMFILTER: 'ROW' };
  return [
    { descriptor: table(snapshotTableName(namespace, 'sessions'), SNAPSHOT_FAMILY, rows), splits },
    { descriptor: table(snapshotTableName(namespace, 'retained'), SNAPSHOT_FAMILY, rows), splits },
    { descriptor: table(checkpointTableName(namespace), CHECKPOINT_FAMILY, single), splits: [] },
    { descriptor: table(counterTableName(namespace), COUNTER_FAMILY, single), splits: [] },
  ];
}

function table(
  name: string,
  family: string,
  attributes: Readonly<Record<string, string>>,
): Required<TableDescriptor> {
  const kept = { VERSIONS: '1', TTL: `${FOREVER_S}`, KEEP_DELETED_CELLS: 'FALSE' };
  return {
    name,
    families: [{ name: family, attributes: { ...kept, ...attributes } }],
    attributes: { 'hbase.server.keyvalue.maxsize': NO_CELL_BYTES_MAX },
    configuration: {},
  };
}
