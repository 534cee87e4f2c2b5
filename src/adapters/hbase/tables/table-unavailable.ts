/** What a failed call to a table means to whoever uses a port: the store is away, and where, and what to do. */
import { StoreUnavailableError } from '../../../errors/store-unavailable-error.ts';
import { HBaseError } from '../client/hbase-error.ts';

/** Errors that are not HBase's come back as they are: those are mistakes of the program. */
export function tableUnavailable(error: unknown, part: string, table: string): unknown {
  if (!(error instanceof HBaseError)) return error;
  const isMissing = error.code === 'TABLE_NOT_FOUND' || error.code === 'NAMESPACE_NOT_FOUND';
  const advice = isMissing ? 'it does not exist; run "spoke storage apply"' : error.message;
  return new StoreUnavailableError(`${part} in HBase table ${table}`, advice, { cause: error });
}
