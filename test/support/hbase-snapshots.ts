/** Snapshots in a real HBase: tables of its own for every test, with fewer regions than partitions, which are made sooner. */
import type { HBaseClient } from '../../src/adapters/hbase/client/hbase-client.ts';
import { snapshotTables } from '../../src/adapters/hbase/tables/snapshot-tables.ts';

/** Partitions of a snapshot in tests. */
export const PARTITIONS = 8;
const REGIONS_MAX = 2;

let namespaces = 0;

/** A namespace that no other test has, with the tables of which the name ends with one of `names`. */
export async function newNamespace(client: HBaseClient, ...names: readonly string[]): Promise<string> {
  const namespace = `snapshots_${process.pid}_${Date.now()}_${namespaces++}`;
  await client.master.createNamespace(namespace);
  const tables = snapshotTables(namespace, PARTITIONS).filter(({ descriptor }) =>
    names.some((name) => descriptor.name === `${namespace}:${name}`),
  );
  await Promise.all(
    tables.map(({ descriptor, splits }) =>
      client.master.createTable(descriptor, splits.slice(0, REGIONS_MAX - 1)),
    ),
  );
  return namespace;
}
