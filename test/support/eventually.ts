/** Asks again and again until it is so: for what other processes do, and tell nobody. */
import { vi } from 'vitest';

/** Generous: the machine may be busy. */
const DEADLINE_MS = 20_000;

export async function eventually<T>(check: () => T | Promise<T>): Promise<T> {
  return await vi.waitFor(check, { timeout: DEADLINE_MS, interval: 20 });
}
