/**
 * Everything the client layer can fail with: one closed list of codes. Each error says which table, region and server it
 * was about and what to do; it does not say what the failure means to a queue or a snapshot, its callers do.
 */

/** What a code means for the caller, and the advice that ends its message. */
const ADVICE = {
  CLOSED: 'the client was closed: open another one',
  ABORTED: 'the caller gave the call up',
  DEADLINE_EXCEEDED: 'see the cause; raise the operation timeout if HBase needs longer than this to recover',
  OUTCOME_UNKNOWN: 'the change may or may not have been made: read before repeating it',
  ATTEMPT_TIMEOUT: 'the server may be overloaded, paused or cut off: see its log',
  CONNECT_FAILED: 'check that the server runs and can be reached from here',
  CONNECTION_LOST: 'the server went away or the network was cut: see its log',
  OVERLOADED: 'too many calls wait on this connection: send less, or raise the bound',
  REGISTRY_UNAVAILABLE: 'check that ZooKeeper runs, and the quorum and parent node in the configuration',
  REGION_UNAVAILABLE: 'it is being moved, split or recovered; if it stays so, see the master log',
  SERVER_BUSY: 'the server refuses work for the moment: it is overloaded or starting',
  SCANNER_LOST: 'the server forgot the scanner: the scan is opened again where it was',
  TABLE_NOT_FOUND: 'create the table, or correct its name',
  TABLE_NOT_ENABLED: 'enable the table',
  ALREADY_EXISTS: 'use what is there, or choose another name',
  NAMESPACE_NOT_FOUND: 'create the namespace first',
  REFUSED: 'repeating it would not help: correct the request, or the table',
  PROCEDURE_FAILED: 'see the master log',
  PROTOCOL: 'is this an HBase 2 server, and is its version supported?',
} as const satisfies Record<string, string>;

export type HBaseErrorCode = keyof typeof ADVICE;

/** Where it happened, as far as it is known. */
export interface HBasePlace {
  readonly table?: string | undefined;
  readonly region?: string | undefined;
  /** `host:port`. */
  readonly server?: string | undefined;
}

export interface HBaseErrorDetails extends HBasePlace {
  readonly cause?: unknown;
  /** Java class of the exception that the server answered with. */
  readonly exceptionClass?: string | undefined;
  /** First line of that exception, without its class. */
  readonly serverMessage?: string | undefined;
}

export class HBaseError extends Error {
  override readonly name = 'HBaseError';
  readonly code: HBaseErrorCode;
  /** What happened, without place and advice. */
  readonly what: string;
  readonly table: string | undefined;
  readonly region: string | undefined;
  readonly server: string | undefined;
  readonly exceptionClass: string | undefined;
  readonly serverMessage: string | undefined;

  constructor(code: HBaseErrorCode, what: string, details: HBaseErrorDetails = {}) {
    super(`${placeText(details)}${what} (${code}): ${ADVICE[code]}`, { cause: details.cause });
    this.code = code;
    this.what = what;
    this.table = details.table;
    this.region = details.region;
    this.server = details.server;
    this.exceptionClass = details.exceptionClass;
    this.serverMessage = details.serverMessage;
  }

  /** The same failure, told with the place that a higher layer knows. What was known before stays. */
  at(place: HBasePlace): HBaseError {
    return new HBaseError(this.code, this.what, {
      table: this.table ?? place.table,
      region: this.region ?? place.region,
      server: this.server ?? place.server,
      exceptionClass: this.exceptionClass,
      serverMessage: this.serverMessage,
      cause: this.cause ?? this,
    });
  }
}

function placeText({ table, region, server }: HBasePlace): string {
  const parts = [
    table === undefined ? '' : `table ${table}`,
    region === undefined ? '' : `region ${region}`,
    server === undefined ? '' : `server ${server}`,
  ].filter((part) => part !== '');
  return parts.length === 0 ? 'HBase: ' : `HBase ${parts.join(', ')}: `;
}
