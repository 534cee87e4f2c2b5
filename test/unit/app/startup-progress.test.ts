import { beforeEach, expect, test } from 'vitest';
import { StartupProgress } from '../../../src/app/startup-progress.ts';
import { ManualTimers } from '../../support/manual-timers.ts';

let timers: ManualTimers;
let lines: string[];
let fields: unknown[];
let startup: StartupProgress;

beforeEach(() => {
  timers = new ManualTimers();
  lines = [];
  fields = [];
  const logger = {
    info: (logged: unknown, text?: string) => {
      fields.push(logged);
      lines.push(text ?? '');
    },
  };
  startup = new StartupProgress({ clock: timers, timers, logger: logger as never });
});

test('phases come one after the other, with what they went through and how long it took', () => {
  startup.begin('stores');
  timers.advance(40);
  const sessions = startup.bootstrapOf('sessions');
  sessions('snapshot', 0);
  timers.advance(1_000);
  sessions('snapshot', 400_000);
  expect(startup.reason).toBe('restoring sessions: snapshot, 400,000 rows');
  timers.advance(500);
  sessions('tail', 0);
  timers.advance(10);
  sessions('tail', 17);
  startup.stop();
  timers.advance(1_000);
  expect(startup.phases).toEqual([
    { phase: 'stores', ms: 40, count: undefined, done: true },
    { phase: 'sessionsSnapshot', ms: 1_500, count: 400_000, done: true },
    { phase: 'sessionsTail', ms: 10, count: 17, done: true },
  ]);
});

test('metrics have the same', () => {
  startup.begin('stores');
  timers.advance(1_500);
  startup.begin('retainedTail');
  startup.reached(3);
  const samples = startup.gauges.map((gauge) => [gauge.name, gauge.read()]);
  expect(Object.fromEntries(samples)).toEqual({
    spoke_startup_phase_seconds: [
      { labels: { phase: 'stores' }, value: 1.5 },
      { labels: { phase: 'retainedTail' }, value: 0 },
    ],
    spoke_startup_phase_items: [{ labels: { phase: 'retainedTail' }, value: 3 }],
  });
});

test('the log says every five seconds how far it is, and nothing more when the start is over', () => {
  startup.begin('stores');
  timers.advance(4_999);
  expect(lines).toEqual([]);
  timers.advance(1);
  const retained = startup.bootstrapOf('retained');
  for (let rows = 0; rows <= 10_000; rows += 1_000) retained('snapshot', rows);
  timers.advance(5_000);
  expect(lines).toEqual(['opening stores', 'restoring retained messages: snapshot, 10,000 rows']);
  startup.stop();
  timers.advance(60_000);
  expect(lines).toHaveLength(2);
  expect(timers.count).toBe(0);
});

test('in the end the log has how long each phase took', () => {
  startup.begin('stores');
  timers.advance(40);
  startup.begin('orphanedSessions');
  startup.reached(3);
  timers.advance(7);
  startup.succeeded();
  expect(fields).toEqual([
    {
      ms: 47,
      phases: [
        { phase: 'stores', ms: 40, count: undefined },
        { phase: 'orphanedSessions', ms: 7, count: 3 },
      ],
    },
  ]);
  expect(timers.count).toBe(0);
});
