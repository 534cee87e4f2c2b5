/** How long to wait before a call is tried again: doubling, with jitter, so that many callers do not come back at once. */

export interface BackoffOptions {
  readonly firstMs: number;
  readonly maxMs: number;
  /** From 0 up to 1. */
  readonly random: () => number;
}

/** Milliseconds before attempt `failures + 1`: between half and the whole of the doubled first wait, at most `maxMs`. */
export function backoffMs(failures: number, { firstMs, maxMs, random }: BackoffOptions): number {
  const whole = Math.min(maxMs, firstMs * 2 ** Math.min(failures - 1, 30));
  return whole / 2 + (random() * whole) / 2;
}
