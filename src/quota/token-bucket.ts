/**
 * A rate with a burst: what is spent while the bucket is not empty is never more than rate × time + burst, but for the
 * last thing spent, which may leave it in debt. What is owed is paid back before anything else. Reads no clock.
 */
const MS_PER_S = 1_000;

/** A bucket holds what comes in this time, so that who was quiet may be quick for a moment. */
export const BURST_S = 1;

export class TokenBucket {
  #ratePerS: number;
  #burst: number;
  #tokens: number;
  #filledAtMs: number;

  /** Full. `ratePerS` and `burst` are 1 or more. */
  constructor(ratePerS: number, nowMs: number, burst = ratePerS * BURST_S) {
    this.#ratePerS = ratePerS;
    this.#burst = burst;
    this.#tokens = burst;
    this.#filledAtMs = nowMs;
  }

  /** From now on; nobody gets a new burst by it. */
  change(ratePerS: number, nowMs: number, burst = ratePerS * BURST_S): void {
    this.#fill(nowMs);
    this.#ratePerS = ratePerS;
    this.#burst = burst;
    this.#tokens = Math.min(this.#tokens, burst);
  }

  /** Below 0: owed. */
  tokens(nowMs: number): number {
    this.#fill(nowMs);
    return this.#tokens;
  }

  /** Less than one token is there. */
  isEmpty(nowMs: number): boolean {
    return this.tokens(nowMs) < 1;
  }

  /** It has happened already: the bucket may owe something afterwards. */
  spend(count: number, nowMs: number): void {
    this.#fill(nowMs);
    this.#tokens -= count;
  }

  /** One token, if there is one. */
  take(nowMs: number): boolean {
    if (this.isEmpty(nowMs)) return false;
    this.#tokens--;
    return true;
  }

  /** Time until it is not empty, if nothing is spent; 0: it is not. */
  waitMs(nowMs: number): number {
    const missing = 1 - this.tokens(nowMs);
    return missing <= 0 ? 0 : (missing * MS_PER_S) / this.#ratePerS;
  }

  /** A clock that was set back gives nothing, and takes nothing. */
  #fill(nowMs: number): void {
    const elapsedMs = nowMs - this.#filledAtMs;
    this.#filledAtMs = nowMs;
    if (elapsedMs <= 0) return;
    this.#tokens = Math.min(this.#burst, this.#tokens + (elapsedMs * this.#ratePerS) / MS_PER_S);
  }
}

/** The bucket of a rate that may have been another one before, or none; undefined: no limit. */
export function bucketOf(
  ratePerS: number,
  nowMs: number,
  before: TokenBucket | undefined,
): TokenBucket | undefined {
  if (ratePerS === Infinity) return undefined;
  if (before === undefined) return new TokenBucket(ratePerS, nowMs);
  before.change(ratePerS, nowMs);
  return before;
}
