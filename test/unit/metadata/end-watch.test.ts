import { expect, test, vi } from 'vitest';
import { MemoryEventLog } from '../../../src/adapters/memory/memory-event-log.ts';
import { pollEnds } from '../../../src/metadata/end-watch.ts';
import { record } from '../../contract/event-log-contract.ts';
import { ManualTimers } from '../../support/manual-timers.ts';

class FailingLog extends MemoryEventLog {
  fails = false;

  override endOffsets(): ReturnType<MemoryEventLog['endOffsets']> {
    return this.fails ? Promise.reject(new Error('Kafka is away')) : super.endOffsets();
  }
}

test('ends are asked for at every interval, failures included, until it is stopped', async () => {
  const log = new FailingLog(2);
  const timers = new ManualTimers();
  const heard: (readonly [partition: number, end: number])[][] = [];
  const failures: unknown[] = [];
  const options = { timers, everyMs: 1_000, onFailure: (error: unknown) => failures.push(error) };
  const watch = pollEnds(log, options, (ends) => heard.push([...ends]));
  const next = async (): Promise<void> => {
    timers.advance(1_000);
    await vi.waitFor(() => {
      expect(timers.count).toBe(1);
    });
  };
  await log.append([record('a')]);
  expect(heard).toEqual([]);
  await next();
  expect(heard).toHaveLength(1);
  expect(heard[0]?.reduce((sum, [, end]) => sum + end, 0)).toBe(1);
  log.fails = true;
  await next();
  expect(failures).toHaveLength(1);
  log.fails = false;
  await next();
  expect(heard).toHaveLength(2);
  await watch.stop();
  expect(timers.count).toBe(0);
});
