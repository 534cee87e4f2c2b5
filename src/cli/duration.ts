/** Lengths of time on a command line: `60s`, `1.5h`. */
import { InvalidArgumentError } from 'commander';

const UNITS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Milliseconds, above 0. Throws what commander prints. */
export function durationMs(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text);
  const unitMs = UNITS_MS[match?.[2] ?? ''];
  const value = Number(match?.[1]);
  if (unitMs !== undefined && value > 0) return value * unitMs;
  throw new InvalidArgumentError('Use a number with ms, s, m, h or d, such as 60s.');
}
