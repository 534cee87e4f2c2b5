/**
 * What `analytics/tests` reads is what the broker writes: the same frames, and the same lines of `spoke events tail`. After a
 * change that is meant, write the files anew with vitest -u.
 */
import { expect, test } from 'vitest';
import { EventAdmin } from '../../../src/admin/event-admin.ts';
import { MemoryEventLog } from '../../../src/adapters/memory/memory-event-log.ts';
import { LogWindow } from '../../../src/admin/log-window.ts';
import { ManualTimers } from '../../support/manual-timers.ts';
import { entriesOf, recordedDays } from '../../support/recorded-days.ts';

const FOLDER = '../../../analytics/tests/recorded';
const { records, answers } = recordedDays();

test('the days have what makes an analysis go wrong', () => {
  const count = (event: string) => records.filter((record) => record.event.startsWith(event)).length;
  expect(count('SessionOpened')).toBeGreaterThan(count('SessionEnded:transient') + answers.churn[0]!.active);
  expect([count('SessionEnded:transient'), count('SessionEnded:expired')]).toEqual([2, 1]);
  expect(count('SessionClosed')).toBeGreaterThan(answers.sessionLength.connections / 2);
  expect(answers.churn[1]).toMatchObject({ lost: 2 });
  expect(answers.offline.length).toBeGreaterThan(2);
  expect(answers.offline.length).toBeLessThan(answers.clients);
});

test('the recorded frames are what is written today', async () => {
  const lines = entriesOf(records).map(({ partition, offset, timestampMs, key, event, value }) =>
    JSON.stringify({
      partition,
      offset,
      timestampMs,
      key,
      event,
      value: value === null ? null : value.toString('base64'),
    }),
  );
  await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot(`${FOLDER}/days.frames.jsonl`);
});

test('the recorded lines are what the admin API answers today', async () => {
  const log = new MemoryEventLog();
  await log.append(records);
  const query = {
    tenant: undefined,
    clientId: undefined,
    since: 'start',
    untilMs: undefined,
    follow: false,
  } as const;
  const events = new EventAdmin(log, new LogWindow(new ManualTimers(), 0), () => []);
  const lines: string[] = [];
  for await (const event of events.tailEvents(query, new AbortController().signal)) {
    lines.push(`${JSON.stringify(event)}\n`);
  }
  await expect(lines.join('')).toMatchFileSnapshot(`${FOLDER}/days.lines.jsonl`);
});

test('the recorded answers are those of the days', async () => {
  await expect(`${JSON.stringify(answers, null, 2)}\n`).toMatchFileSnapshot(`${FOLDER}/days.answers.json`);
});
