/**
 * From the Java exception a server answered with to an error of ours, and from an error to what a retry may do about it.
 * Knows exceptions by class name only; the text of an exception decides nothing.
 */
import { HBaseError, type HBaseErrorCode, type HBasePlace } from './hbase-error.ts';

/** Longest first line of a server's exception that goes into a message, in characters. */
const SERVER_MESSAGE_CHARS_MAX = 400;

/** Simple class names, as HBase 2.0 to 2.6 send them. */
const CODE_OF_CLASS: Readonly<Record<string, HBaseErrorCode>> = {
  NotServingRegionException: 'REGION_UNAVAILABLE',
  RegionMovedException: 'REGION_UNAVAILABLE',
  RegionOpeningException: 'REGION_UNAVAILABLE',
  WrongRegionException: 'REGION_UNAVAILABLE',
  RegionServerStoppedException: 'REGION_UNAVAILABLE',
  RegionInRecoveryException: 'REGION_UNAVAILABLE',
  FailedServerException: 'REGION_UNAVAILABLE',
  RegionTooBusyException: 'SERVER_BUSY',
  CallQueueTooBigException: 'SERVER_BUSY',
  CallDroppedException: 'SERVER_BUSY',
  ServerTooBusyException: 'SERVER_BUSY',
  ServerNotRunningYetException: 'SERVER_BUSY',
  PleaseHoldException: 'SERVER_BUSY',
  PleaseRestartMasterException: 'SERVER_BUSY',
  MasterNotRunningException: 'SERVER_BUSY',
  RpcThrottlingException: 'SERVER_BUSY',
  UnknownScannerException: 'SCANNER_LOST',
  ScannerResetException: 'SCANNER_LOST',
  OutOfOrderScannerNextException: 'SCANNER_LOST',
  LeaseException: 'SCANNER_LOST',
  TableNotFoundException: 'TABLE_NOT_FOUND',
  TableNotEnabledException: 'TABLE_NOT_ENABLED',
  TableExistsException: 'ALREADY_EXISTS',
  NamespaceExistException: 'ALREADY_EXISTS',
  NamespaceNotFoundException: 'NAMESPACE_NOT_FOUND',
};

export interface ServerException {
  readonly className: string;
  /** Java stack trace, or just its first line. */
  readonly stackTrace: string;
  readonly doNotRetry: boolean;
}

/** The error for an exception that came instead of an answer. Without an own code: `REFUSED` if the server says so, or `OUTCOME_UNKNOWN`. */
export function errorOf(exception: ServerException, place: HBasePlace): HBaseError {
  const simpleName = exception.className.slice(exception.className.lastIndexOf('.') + 1);
  const refused = exception.doNotRetry || simpleName === 'DoNotRetryIOException';
  const code = CODE_OF_CLASS[simpleName] ?? (refused ? 'REFUSED' : 'OUTCOME_UNKNOWN');
  const serverMessage = firstLine(exception);
  return new HBaseError(code, `the server answered ${simpleName}: ${serverMessage}`, {
    ...place,
    exceptionClass: exception.className,
    serverMessage,
  });
}

function firstLine({ className, stackTrace }: ServerException): string {
  const end = stackTrace.indexOf('\n');
  const line = (end < 0 ? stackTrace : stackTrace.slice(0, end)).trim();
  const text = line.startsWith(className) ? line.slice(className.length).replace(/^:\s*/, '') : line;
  return text.slice(0, SERVER_MESSAGE_CHARS_MAX);
}

export interface RetryRule {
  /** Nothing was changed by the failed attempt, or the call does not mind: */
  readonly repeat: 'always' | 'if-idempotent' | 'never';
  /** The region's place must be looked up again. */
  readonly relocate: boolean;
}

const NEVER: RetryRule = { repeat: 'never', relocate: false };

/** What each code allows. `OUTCOME_UNKNOWN` is an exception of unknown class: it may be gone next time. */
export function retryRule(code: HBaseErrorCode): RetryRule {
  switch (code) {
    case 'REGION_UNAVAILABLE':
    case 'CONNECT_FAILED':
      return { repeat: 'always', relocate: true };
    case 'SERVER_BUSY':
    case 'OVERLOADED':
    case 'REGISTRY_UNAVAILABLE':
      return { repeat: 'always', relocate: false };
    case 'ATTEMPT_TIMEOUT':
    case 'CONNECTION_LOST':
    case 'OUTCOME_UNKNOWN':
      return { repeat: 'if-idempotent', relocate: true };
    case 'SCANNER_LOST':
      return { repeat: 'if-idempotent', relocate: false };
    case 'CLOSED':
    case 'ABORTED':
    case 'DEADLINE_EXCEEDED':
    case 'TABLE_NOT_FOUND':
    case 'TABLE_NOT_ENABLED':
    case 'ALREADY_EXISTS':
    case 'NAMESPACE_NOT_FOUND':
    case 'REFUSED':
    case 'PROCEDURE_FAILED':
    case 'PROTOCOL':
      return NEVER;
  }
}
