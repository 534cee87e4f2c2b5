/**
 * Many row mutations at once: one call per region and share, failed rows tried again, one result per row. Atomic per row only; in the
 * order given for mutations of the same row as long as none of them fails.
 */
import type { Deadline } from './deadline.ts';
import { HBaseError, type HBasePlace } from './hbase-error.ts';
import type { MultiResponse, NamedBytes } from './messages.ts';
import type { HBaseProtocol } from './protocol.ts';
import type { CallOptions, RegionCaller } from './region-caller.ts';
import type { RegionLocation } from './region-location.ts';
import { mutationBytes, mutationMessage, type RowMutation } from './row-mutation.ts';
import { errorOf, retryRule } from './server-exception.ts';

/** Of one call. */
const CALL_BYTES_MAX = 2 * 1024 * 1024;
const CALL_ROWS_MAX = 2_000;
/** Calls under way for one batch. */
const CALLS_AT_ONCE = 16;
/** Classes that say something about the request, not about the moment. */
const NOT_REPEATED =
  /(NoSuchColumnFamily|DoNotRetryIO|FailedSanityCheck|AccessDenied|InvalidMutation)Exception$/;

export interface MutateCall extends CallOptions {
  readonly table: string;
  readonly mutations: readonly RowMutation[];
}

/** Undefined: done, and durable. */
export type MutationResult = HBaseError | undefined;

interface RegionShare {
  readonly location: RegionLocation;
  readonly indexes: readonly number[];
}

export class MutationBatch {
  readonly #call: MutateCall;
  readonly #caller: RegionCaller;
  readonly #protocol: HBaseProtocol;
  readonly #results: MutationResult[];
  readonly #deadline: Deadline;

  constructor(call: MutateCall, caller: RegionCaller, protocol: HBaseProtocol) {
    this.#call = call;
    this.#caller = caller;
    this.#protocol = protocol;
    this.#deadline = caller.deadline(call);
    this.#results = call.mutations.map(() => undefined);
  }

  /** One result per mutation, in their order. Never rejects with HBaseError. */
  async run(): Promise<readonly MutationResult[]> {
    let pending = this.#results.map((_, index) => index);
    for (let failures = 1; ; failures++) {
      await this.#attempt(pending);
      pending = pending.filter((index) => this.#mayRepeat(this.#results[index]));
      if (pending.length === 0) return this.#results;
      const waitMs = this.#caller.backoff(failures);
      const place: HBasePlace = { table: this.#call.table };
      try {
        if (waitMs < this.#deadline.remainingMs()) await this.#deadline.sleep(waitMs, place);
        else throw this.#deadline.exceeded(place);
        this.#deadline.check(place);
      } catch (error) {
        for (const index of pending) this.#giveUp(index, error);
        return this.#results;
      }
    }
  }

  #mayRepeat(result: MutationResult): boolean {
    if (result === undefined) return false;
    const { repeat } = retryRule(result.code);
    return repeat === 'always' || (repeat === 'if-idempotent' && this.#call.idempotent);
  }

  #giveUp(index: number, error: unknown): void {
    const last = this.#results[index];
    if (!(error instanceof HBaseError)) throw error;
    this.#results[index] =
      error.code === 'DEADLINE_EXCEEDED' ? this.#deadline.exceeded(last ?? {}, last) : error;
  }

  /** One attempt of everything pending. */
  async #attempt(pending: readonly number[]): Promise<void> {
    const shares = await this.#shares(pending);
    const next = shares.values();
    const worker = async (): Promise<void> => {
      for (const share of next) await this.#send(share);
    };
    await Promise.all(Array.from({ length: Math.min(CALLS_AT_ONCE, shares.length) }, worker));
  }

  /** Cuts what is pending into calls: by region, then by size. */
  async #shares(pending: readonly number[]): Promise<readonly RegionShare[]> {
    const open = new Map<RegionLocation, { readonly indexes: number[]; bytes: number }>();
    const shares: RegionShare[] = [];
    for (const index of pending) {
      const mutation = this.#mutation(index);
      const location = await this.#locate(index, mutation);
      if (location === undefined) continue;
      let share = open.get(location);
      const bytes = mutationBytes(mutation);
      if (
        share !== undefined &&
        (share.indexes.length >= CALL_ROWS_MAX || share.bytes + bytes > CALL_BYTES_MAX)
      ) {
        share = undefined;
      }
      if (share === undefined) {
        share = { indexes: [], bytes: 0 };
        open.set(location, share);
        shares.push({ location, indexes: share.indexes });
      }
      share.indexes.push(index);
      share.bytes += bytes;
    }
    return shares;
  }

  async #locate(index: number, { row }: RowMutation): Promise<RegionLocation | undefined> {
    try {
      return await this.#caller.locateOnce(this.#call.table, row, this.#deadline);
    } catch (error) {
      if (!(error instanceof HBaseError)) throw error;
      this.#results[index] = error;
      return undefined;
    }
  }

  async #send({ location, indexes }: RegionShare): Promise<void> {
    const action = indexes.map((index) => ({ index, mutation: mutationMessage(this.#mutation(index)) }));
    const request = {
      regionAction: [{ region: { type: 1, value: location.name } as const, atomic: false, action }],
    };
    try {
      const response = await this.#caller.onRegion(
        location,
        'ClientService',
        this.#deadline,
        (connection, _, ms) => connection.call(this.#protocol.multi, request, ms),
      );
      this.#take(location, indexes, response);
    } catch (error) {
      if (!(error instanceof HBaseError)) throw error;
      for (const index of indexes) this.#results[index] = error;
    }
  }

  #take(location: RegionLocation, indexes: readonly number[], response: MultiResponse): void {
    const [answer] = response.regionActionResult;
    const place = { table: location.table, region: location.encodedName, server: location.server.name };
    const whole = answer?.exception ?? null;
    const failure =
      answer === undefined ? new HBaseError('PROTOCOL', 'an answer without results', place) : undefined;
    for (const index of indexes) this.#results[index] = whole === null ? failure : exceptionOf(whole, place);
    for (const { index, exception } of answer?.resultOrException ?? []) {
      if (exception !== null) this.#results[index] = exceptionOf(exception, place);
    }
    const relocate = indexes.some((index) => {
      const result = this.#results[index];
      return result !== undefined && retryRule(result.code).relocate;
    });
    if (relocate) this.#caller.forget(location);
  }

  #mutation(index: number): RowMutation {
    const mutation = this.#call.mutations[index];
    if (mutation === undefined) throw new RangeError(`mutation ${index} of ${this.#call.mutations.length}`);
    return mutation;
  }
}

/** Inside an answer the name of an exception is its class, and nothing tells whether repeating it makes sense. */
function exceptionOf({ name, value }: NamedBytes, place: HBasePlace): HBaseError {
  const doNotRetry = NOT_REPEATED.test(name);
  return errorOf({ className: name, stackTrace: value.toString(), doNotRetry }, place);
}
