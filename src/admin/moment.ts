/** A moment as people name it: ISO 8601, UTC unless it says otherwise, or how long ago it was, such as `-2h`. */
import { ApiError } from './api-error.ts';

const DATE = String.raw`(?<date>\d{4}-\d{2}-\d{2})`;
const TIME = String.raw`(?<time>\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)`;
const ISO_8601 = new RegExp(`^${DATE}(?:[T ]${TIME}(?<zone>Z|[+-]\\d{2}:\\d{2})?)?$`);
const AGO = /^-(?<amount>\d{1,9})(?<unit>ms|s|m|h|d)$/;
const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** What a moment may look like, for refusals. */
export const MOMENT_FORMS =
  'ISO 8601 such as 2026-11-28T10:00:00Z (UTC if it names no zone), or -90s, -15m, -2h, -7d';

/** Milliseconds since 1970; undefined: the text names no moment. */
export function parseMoment(text: string, nowMs: number): number | undefined {
  const ago = AGO.exec(text)?.groups;
  if (ago !== undefined)
    return Math.max(0, nowMs - Number(ago['amount']) * (UNIT_MS[ago['unit'] ?? ''] ?? 0));
  const { date = '', time = '00:00', zone = 'Z' } = ISO_8601.exec(text)?.groups ?? {};
  const dayMs = Date.parse(date);
  // The 30th of February would be a day in March.
  if (Number.isNaN(dayMs) || !new Date(dayMs).toISOString().startsWith(date)) return undefined;
  const timeMs = Date.parse(`${date}T${time}${zone}`);
  return Number.isNaN(timeMs) ? undefined : timeMs;
}

/** Of a parameter. Throws an `ApiError` that shows how to write a moment. */
export function momentOf(parameter: string, text: string, nowMs: number): number {
  const timeMs = parseMoment(text, nowMs);
  if (timeMs !== undefined) return timeMs;
  throw new ApiError(
    'BAD_REQUEST',
    `${parameter} is ${JSON.stringify(text)}, which is no moment`,
    `Use ${MOMENT_FORMS}`,
  );
}
