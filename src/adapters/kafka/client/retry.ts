/** Asking again until it works, a deadline has passed or nobody wants to know any more. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isPassing } from './kafka-error.ts';

const FIRST_BACKOFF_MS = 25;
const BACKOFF_MS_MAX = 1_000;

/** Doubles with every failure in a row, the first being 1. */
export function backoffMs(failures: number): number {
  return Math.min(BACKOFF_MS_MAX, FIRST_BACKOFF_MS * 2 ** (failures - 1));
}

export interface RetryRules {
  /** By `performance.now()`. */
  readonly deadlineMs: number;
  readonly closing: AbortSignal;
  /** Runs before each further attempt; its own failure is no reason to stop. */
  readonly beforeRetry: () => Promise<void>;
}

/** Rejects with the last error, or at once with one that does not pass. */
export async function retrying<T>(attempt: () => Promise<T>, rules: RetryRules): Promise<T> {
  for (let failures = 1; ; failures++) {
    try {
      return await attempt();
    } catch (error) {
      const waitMs = backoffMs(failures);
      if (!isPassing(error) || rules.closing.aborted || performance.now() + waitMs > rules.deadlineMs)
        throw error;
      await pause(waitMs, rules.closing);
      await rules.beforeRetry().catch(() => undefined);
    }
  }
}

/** Resolves after the time, or at once when everything closes. */
export async function pause(milliseconds: number, closing: AbortSignal): Promise<void> {
  try {
    await sleep(milliseconds, undefined, { signal: closing });
  } catch (error) {
    if (!closing.aborted) throw error;
  }
}
