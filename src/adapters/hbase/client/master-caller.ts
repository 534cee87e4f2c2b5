/**
 * Calls to the active master, wherever it is: looked up, connected and repeated within a deadline, across master restarts. Changes carry
 * a nonce, so that repeating one does it once; what they start is waited for.
 */
import type { ClusterRegistry } from './cluster-registry.ts';
import type { ConnectionPool } from './connection-pool.ts';
import { Deadline, type DeadlineContext } from './deadline.ts';
import { bigintOf, halvesOf } from './halves.ts';
import { HBaseError, type HBasePlace } from './hbase-error.ts';
import type { Nonce, ProcedureStarted } from './master-messages.ts';
import type { HBaseProtocol, RpcMethod } from './protocol.ts';
import type { RegionCaller } from './region-caller.ts';
import { errorOf } from './server-exception.ts';

/** Between questions whether a procedure has finished, milliseconds: doubling from the first to the longest. */
const POLL_FIRST_MS = 20;
const POLL_MAX_MS = 500;
/** GetProcedureResultResponse.State */
const NOT_FOUND = 0;
const RUNNING = 1;
const NONCE_RANGE = 2 ** 32;

export interface MasterCallerOptions {
  readonly registry: ClusterRegistry;
  readonly pool: ConnectionPool;
  readonly caller: RegionCaller;
  readonly protocol: HBaseProtocol;
  readonly attemptTimeoutMs: number;
  readonly adminTimeoutMs: number;
  readonly deadlines: DeadlineContext;
  readonly random: () => number;
}

export class MasterCaller {
  readonly #options: MasterCallerOptions;

  constructor(options: MasterCallerOptions) {
    this.#options = options;
  }

  deadline(timeoutMs?: number): Deadline {
    const { adminTimeoutMs, deadlines } = this.#options;
    return new Deadline(timeoutMs ?? adminTimeoutMs, deadlines);
  }

  /** A call that may be repeated: it reads, or its request has a nonce. */
  async call<Request, Response>(
    method: RpcMethod<Request, Response>,
    request: Request,
    place: HBasePlace = {},
    deadline = this.deadline(),
  ): Promise<Response> {
    const { registry, pool, attemptTimeoutMs, caller } = this.#options;
    return caller.repeat(deadline, { idempotent: true }, place, async () => {
      const server = await registry.masterServer(deadline);
      try {
        const connection = await deadline.bound(pool.get(server, 'MasterService'), place);
        return await connection.call(method, request, Math.min(attemptTimeoutMs, deadline.remainingMs()));
      } catch (error) {
        if (!(error instanceof HBaseError)) throw error;
        registry.refresh();
        throw error.at({ ...place, server: server.name });
      }
    });
  }

  /** Starts a procedure and waits until it has finished. Rejects with `PROCEDURE_FAILED`, or the error its exception stands for. */
  async run<Request extends Nonce>(
    method: RpcMethod<Request, ProcedureStarted>,
    request: Omit<Request, keyof Nonce>,
    place: HBasePlace,
    deadline = this.deadline(),
  ): Promise<void> {
    const nonced = { ...request, ...this.#nonce() } as Request;
    const started = await this.call(method, nonced, place, deadline);
    await this.#finished(method.name, started, place, deadline);
  }

  async #finished(
    name: string,
    started: ProcedureStarted,
    place: HBasePlace,
    deadline: Deadline,
  ): Promise<void> {
    for (let waitMs = POLL_FIRST_MS; ; waitMs = Math.min(2 * waitMs, POLL_MAX_MS)) {
      const { getProcedureResult } = this.#options.protocol;
      const { state, exception } = await this.call(
        getProcedureResult,
        { procId: started.procId },
        place,
        deadline,
      );
      const failure = exception?.genericException;
      if (exception !== null)
        throw procedureError(name, failure?.className ?? '', failure?.message ?? '', place);
      if (state === NOT_FOUND) {
        const what = `the master does not know procedure ${bigintOf(started.procId)} of ${name} any more`;
        throw new HBaseError('OUTCOME_UNKNOWN', what, place);
      }
      if (state !== RUNNING) return;
      await deadline.sleep(waitMs, place);
      deadline.check(place);
    }
  }

  #nonce(): Nonce {
    const half = (): bigint => BigInt(Math.floor(this.#options.random() * NONCE_RANGE));
    const number = (): bigint => (half() << 32n) | half() | 1n;
    return { nonceGroup: halvesOf(number()), nonce: halvesOf(number()) };
  }
}

function procedureError(name: string, className: string, message: string, place: HBasePlace): HBaseError {
  const error = errorOf({ className, stackTrace: message, doNotRetry: false }, place);
  if (error.code !== 'OUTCOME_UNKNOWN' && error.code !== 'REFUSED') return error;
  return new HBaseError('PROCEDURE_FAILED', `${name} failed: ${className}: ${error.serverMessage ?? ''}`, {
    ...place,
    exceptionClass: className,
    serverMessage: error.serverMessage,
  });
}
