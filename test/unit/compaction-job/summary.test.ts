import { expect, test } from 'vitest';
import { Progress } from '../../../compaction-job/progress.ts';
import { newSummary, newVerificationSummary, summaryLines } from '../../../compaction-job/summary.ts';
import type { Offset } from '../../../src/event-log/event-log.ts';

test('a summary lists some differences and counts all', () => {
  const summary = newSummary(false);
  summary.sessions.unconfirmed = 1;
  summary.verification = {
    ...newVerificationSummary(),
    differences: 2,
    listed: [
      {
        topic: 'sessions',
        partition: 3,
        key: 's\0default\0bike-17',
        kind: 'stale',
        there: { offset: 12 as Offset, event: 'SessionOpened' },
        shouldBe: undefined,
      },
    ],
  };
  const text = summaryLines(summary).join('\n');
  expect(text).toContain(
    'sessions[3] "s default bike-17": stale, has SessionOpened of offset 12, should have nothing',
  );
  expect(text).toContain('and 1 more');
  expect(text).toContain('unconfirmed    1 expired sessions');
});

test('progress is told every five seconds, and at the end', () => {
  const lines: string[] = [];
  let nowMs = 0;
  const step = new Progress({ write: (line) => lines.push(line), monotonicMs: () => nowMs }).step(
    'fold',
    'rows',
  );
  step.add(10);
  nowMs = 5_000;
  step.add(90);
  nowMs = 10_000;
  step.end();
  expect(lines).toEqual(['fold: 100 rows so far, 5.0 s, 20/s', 'fold: 100 rows done, 10.0 s, 10/s']);
});
