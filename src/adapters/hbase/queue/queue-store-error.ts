/** What a failed call means to whoever uses the queue port: the store is away, and where, and what to do. */
import { StoreUnavailableError } from '../../../errors/store-unavailable-error.ts';
import { HBaseError } from '../client/hbase-error.ts';

/** The endpoint's word for a request that cannot be right. */
const INVALID_REQUEST = 'io.spokemq.queue.InvalidQueueRequestException';
const NO_SERVICE = 'UnknownProtocolException';

const APPLY = 'run "spoke storage apply"';

/** A region split under the call, and it holds only some of the queues now; or the request is wrong. */
export function isInvalidRequest(error: unknown): error is HBaseError {
  return error instanceof HBaseError && error.exceptionClass === INVALID_REQUEST;
}

/** Errors that are not HBase's come back as they are: those are mistakes of the program. */
export function queueStoreError(error: unknown, table: string): unknown {
  if (!(error instanceof HBaseError)) return error;
  return new StoreUnavailableError(`the queue store in HBase table ${table}`, adviceOf(error), {
    cause: error,
  });
}

function adviceOf(error: HBaseError): string {
  if (error.code === 'TABLE_NOT_FOUND' || error.code === 'NAMESPACE_NOT_FOUND')
    return `it does not exist; ${APPLY}`;
  if (error.exceptionClass?.endsWith(NO_SERVICE) === true)
    return `the table lacks the queue endpoint; ${APPLY}`;
  return error.message;
}
