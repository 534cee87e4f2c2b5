/** Names of tables: `namespace:qualifier`, or `qualifier` alone for the namespace `default`. */
import type { TableNameMessage } from './messages.ts';

const DEFAULT_NAMESPACE = 'default';

export const META_TABLE = 'hbase:meta';

export function tableNameMessage(table: string): TableNameMessage {
  const colon = table.indexOf(':');
  return {
    namespace: Buffer.from(colon < 0 ? DEFAULT_NAMESPACE : table.slice(0, colon)),
    qualifier: Buffer.from(table.slice(colon + 1)),
  };
}

export function tableNameOf({ namespace, qualifier }: TableNameMessage): string {
  const space = namespace.toString();
  return space === DEFAULT_NAMESPACE ? qualifier.toString() : `${space}:${qualifier.toString()}`;
}
