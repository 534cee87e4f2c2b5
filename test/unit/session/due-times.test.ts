import { beforeEach, describe, expect, test } from 'vitest';
import { DueTimes } from '../../../src/session/due-times.ts';
import type { ClientId } from '../../../src/tenancy/identity.ts';
import { ManualTimers } from '../../support/manual-timers.ts';

describe('due times', () => {
  let time: ManualTimers;
  let seen: string[];
  let due: DueTimes;

  beforeEach(() => {
    time = new ManualTimers();
    seen = [];
    due = new DueTimes(time, time, (clientId) => seen.push(clientId));
  });

  const at = (client: string, dueAtMs: number): void => {
    due.at(client as ClientId, dueAtMs);
  };

  test('a client is looked at not before its time and at most a second or two after', () => {
    at('a', 2_500);
    time.advance(2_499);
    expect(seen).toEqual([]);
    time.advance(1_501);
    expect(seen).toEqual(['a']);
    expect(due.size).toBe(0);
    expect(time.count, 'nothing waits, no timer runs').toBe(0);
  });

  test('what is due in the past is looked at on the next tick', () => {
    time.advance(10_000);
    at('a', 1);
    time.advance(1_000);
    expect(seen).toEqual(['a']);
  });

  test('a client that comes and goes a thousand times waits once, for its latest time', () => {
    for (let second = 1; second <= 1_000; second++) at('a', 1_000 * second);
    expect(due.size).toBe(1);
    time.advance(999_000);
    expect(seen).toEqual([]);
    time.advance(2_000);
    expect(seen).toEqual(['a']);
  });

  test('a clock that jumps far ahead finds everything, in order', () => {
    at('late', 3_000_000);
    at('early', 2_000_000);
    time.advance(1_000_000_000);
    expect(seen).toEqual(['early', 'late']);
  });

  test('a mass expiry is spread over turns and loses nobody', () => {
    for (let index = 0; index < 1_234; index++) at(`c${index}`, 1_000);
    time.advance(1_000);
    expect(seen.length).toBeGreaterThan(0);
    time.advance(1);
    expect(new Set(seen).size).toBe(1_234);
  });

  test('one that asks again while it is looked at is looked at again', () => {
    const again = new DueTimes(time, time, (clientId) => {
      seen.push(clientId);
      if (seen.length < 3) again.at(clientId, time.nowMs());
    });
    again.at('a' as ClientId, 0);
    time.advance(5_000);
    expect(seen).toEqual(['a', 'a', 'a']);
  });

  test('nothing is looked at after a stop', () => {
    at('a', 1_000);
    due.stop();
    time.advance(5_000);
    expect(seen).toEqual([]);
    expect(due.size).toBe(0);
  });
});
