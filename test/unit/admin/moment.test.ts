import { expect, test } from 'vitest';
import { momentOf, parseMoment } from '../../../src/admin/moment.ts';

const NOW_MS = Date.UTC(2026, 10, 28, 12);

test.each([
  ['2026-11-28T10:00:00Z', Date.UTC(2026, 10, 28, 10)],
  ['2026-11-28T10:00:00.250Z', Date.UTC(2026, 10, 28, 10, 0, 0, 250)],
  ['2026-11-28T10:00', Date.UTC(2026, 10, 28, 10)],
  ['2026-11-28 10:00:30', Date.UTC(2026, 10, 28, 10, 0, 30)],
  ['2026-11-28T10:00:00+02:00', Date.UTC(2026, 10, 28, 8)],
  ['2026-11-28', Date.UTC(2026, 10, 28)],
  ['-0s', NOW_MS],
  ['-250ms', NOW_MS - 250],
  ['-90s', NOW_MS - 90_000],
  ['-15m', NOW_MS - 15 * 60_000],
  ['-2h', NOW_MS - 2 * 3_600_000],
  ['-7d', NOW_MS - 7 * 86_400_000],
  ['-999999999d', 0],
])('%s is a moment', (text, timeMs) => {
  expect(parseMoment(text, NOW_MS)).toBe(timeMs);
});

test.each([
  '',
  'yesterday',
  '2h',
  '-2',
  '-2w',
  '-1.5h',
  '1700000000000',
  '2026-02-30',
  '2026-13-01',
  '2026-11-28T25:00',
  '2026-11-28T10:00Q',
  '2026-11',
])('%j is none, and the refusal shows how to write one', (text) => {
  expect(parseMoment(text, NOW_MS)).toBeUndefined();
  expect(() => momentOf('at', text, NOW_MS)).toThrow(
    expect.objectContaining({ code: 'BAD_REQUEST', fix: expect.stringContaining('-2h') as unknown }),
  );
});
