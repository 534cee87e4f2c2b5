/**
 * How far back the log has every single record. Compaction leaves alone what is younger than its lag, so what is told of a later
 * moment is exact; of an earlier one records may be missing that nobody would notice.
 */
import type { Clock } from '../time/clock.ts';
import { ApiError } from './api-error.ts';

export class LogWindow {
  readonly #clock: Clock;
  readonly #compactionLagMs: number;

  constructor(clock: Clock, compactionLagMs: number) {
    this.#clock = clock;
    this.#compactionLagMs = compactionLagMs;
  }

  get nowMs(): number {
    return this.#clock.nowMs();
  }

  /** It moves on with the clock: to be asked for after the log was read, not only before. */
  get completeFromMs(): number {
    return this.#clock.nowMs() - this.#compactionLagMs;
  }

  /** Throws an `ApiError` when the log may no longer have every record from `atMs` on. `fix` says what to do instead. */
  check(atMs: number, fix: (completeFrom: string) => string): void {
    const completeFromMs = this.completeFromMs;
    if (atMs >= completeFromMs) return;
    const completeFrom = new Date(completeFromMs).toISOString();
    throw new ApiError(
      'BEYOND_LOG',
      `the log has every record only from ${completeFrom} on: compaction may have taken some of ${new Date(atMs).toISOString()}`,
      fix(completeFrom),
    );
  }
}
