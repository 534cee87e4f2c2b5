/** A table that this release wants, and how it is made when it is not there. */
import type { HBaseClient } from '../client/hbase-client.ts';
import type { TableDescriptor } from '../client/table-descriptor.ts';

export interface WantedTable {
  readonly descriptor: Required<TableDescriptor>;
  /** Where its regions begin when it is made, but for the first. */
  readonly splits: readonly Buffer[];
  /** What the regions of the table have to do besides being there; one line per region that does not. */
  readonly regionProblems?: (client: HBaseClient, table: string) => Promise<readonly string[]>;
}
