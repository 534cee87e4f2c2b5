/**
 * Calls to the region of a row: located, connected, tried again within a deadline where that is safe. Nothing here knows what the call
 * is; what may be repeated is told by the caller and by the kind of failure.
 */
import { backoffMs } from './backoff.ts';
import type { ClientStats } from './client-stats.ts';
import type { ConnectionPool } from './connection-pool.ts';
import { Deadline, type DeadlineContext } from './deadline.ts';
import { HBaseError, type HBasePlace } from './hbase-error.ts';
import type { ServiceName } from './protocol.ts';
import type { RegionLocation } from './region-location.ts';
import type { RegionLocator } from './region-locator.ts';
import type { ServerConnection } from './server-connection.ts';
import { retryRule } from './server-exception.ts';

/** Wait before the second attempt, and the longest between two, milliseconds. */
const BACKOFF_FIRST_MS = 20;
const BACKOFF_MAX_MS = 1_000;

export interface RegionCallerOptions {
  readonly locator: RegionLocator;
  readonly pool: ConnectionPool;
  readonly operationTimeoutMs: number;
  readonly attemptTimeoutMs: number;
  readonly deadlines: DeadlineContext;
  readonly random: () => number;
  readonly stats: ClientStats;
}

export interface CallOptions {
  /** Doing it twice is the same as doing it once. */
  readonly idempotent: boolean;
  /** For all attempts together, milliseconds; the client's operation timeout when left out. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** One attempt: the place is known and connected. `timeoutMs` is its share of the deadline. */
export type RegionAttempt<T> = (
  connection: ServerConnection,
  location: RegionLocation,
  timeoutMs: number,
) => Promise<T>;

export class RegionCaller {
  readonly #options: RegionCallerOptions;

  constructor(options: RegionCallerOptions) {
    this.#options = options;
  }

  deadline({ timeoutMs, signal }: Pick<CallOptions, 'timeoutMs' | 'signal'>): Deadline {
    const { operationTimeoutMs, deadlines } = this.#options;
    return new Deadline(timeoutMs ?? operationTimeoutMs, deadlines, signal);
  }

  /**
   * The call, tried until it succeeds, the deadline has passed or trying again would be wrong. Rejects with HBaseError:
   * `DEADLINE_EXCEEDED`, `OUTCOME_UNKNOWN` (not idempotent, and it may have happened), or what is not worth repeating.
   */
  async call<T>(table: string, row: Uint8Array, options: CallOptions, attempt: RegionAttempt<T>): Promise<T> {
    const deadline = this.deadline(options);
    return this.repeat(deadline, options, { table }, () => this.#attempt(table, row, deadline, attempt));
  }

  /** Where the row is; asked once at most. */
  async locateOnce(table: string, row: Uint8Array, deadline: Deadline): Promise<RegionLocation> {
    const { locator } = this.#options;
    return locator.cached(table, row) ?? (await locator.locate(table, row, deadline));
  }

  /** An answer said that the region is elsewhere. */
  forget(location: RegionLocation): void {
    this.#options.locator.forget(location);
  }

  /** Milliseconds to wait after so many failures in a row. */
  backoff(failures: number): number {
    return backoffMs(failures, {
      firstMs: BACKOFF_FIRST_MS,
      maxMs: BACKOFF_MAX_MS,
      random: this.#options.random,
    });
  }

  /** Where the row is; tried until found or the deadline has passed. */
  async locate(table: string, row: Uint8Array, deadline: Deadline): Promise<RegionLocation> {
    return (
      this.#options.locator.cached(table, row) ??
      (await this.repeat(deadline, { idempotent: true }, { table }, () =>
        this.#options.locator.locate(table, row, deadline),
      ))
    );
  }

  /** As `locate`, for the region with the last rows before `row`. */
  locateBefore(table: string, row: Uint8Array, deadline: Deadline): Promise<RegionLocation> {
    return this.repeat(deadline, { idempotent: true }, { table }, () =>
      this.#options.locator.locateBefore(table, row, deadline),
    );
  }

  /** `attempt` until it succeeds, with waits between, by the rules of `retryRule`. */
  async repeat<T>(
    deadline: Deadline,
    { idempotent }: Pick<CallOptions, 'idempotent'>,
    place: HBasePlace,
    attempt: () => Promise<T>,
  ): Promise<T> {
    const { stats } = this.#options;
    let last: HBaseError | undefined;
    for (let failures = 1; ; failures++) {
      let error: unknown;
      try {
        deadline.check(place);
        return await attempt();
      } catch (caught) {
        error = caught;
      }
      if (!(error instanceof HBaseError)) throw error;
      // What kept the earlier attempts says more than that the time is over.
      if (error.code === 'DEADLINE_EXCEEDED' && last !== undefined)
        throw deadline.exceeded(placeOf(last), last);
      const { repeat } = retryRule(error.code);
      if (repeat === 'never') throw error;
      if (repeat === 'if-idempotent' && !idempotent) throw outcomeUnknown(error);
      last = error;
      const waitMs = this.backoff(failures);
      if (waitMs >= deadline.remainingMs()) throw deadline.exceeded(placeOf(error), error);
      await deadline.sleep(waitMs, placeOf(error));
      stats.retries++;
    }
  }

  /** One attempt on a known region. When it fails because of the region's place, the place is forgotten. */
  async onRegion<T>(
    location: RegionLocation,
    service: ServiceName,
    deadline: Deadline,
    attempt: RegionAttempt<T>,
  ): Promise<T> {
    const { pool, attemptTimeoutMs, locator } = this.#options;
    const { table, encodedName: region, server } = location;
    try {
      const connection =
        pool.ready(server, service) ?? (await deadline.bound(pool.get(server, service), { table, region }));
      const timeoutMs = Math.min(attemptTimeoutMs, deadline.remainingMs());
      return await deadline.abortable(attempt(connection, location, timeoutMs), { table, region });
    } catch (error) {
      if (!(error instanceof HBaseError)) throw error;
      if (retryRule(error.code).relocate) locator.forget(location);
      throw error.at({ table, region, server: server.name });
    }
  }

  async #attempt<T>(
    table: string,
    row: Uint8Array,
    deadline: Deadline,
    attempt: RegionAttempt<T>,
  ): Promise<T> {
    const location = await this.locateOnce(table, row, deadline);
    return this.onRegion(location, 'ClientService', deadline, attempt);
  }
}

function outcomeUnknown(error: HBaseError): HBaseError {
  return new HBaseError('OUTCOME_UNKNOWN', error.what, { ...placeOf(error), cause: error });
}

function placeOf({ table, region, server }: HBaseError): HBasePlace {
  return { table, region, server };
}
