import { beforeEach, describe, expect, test } from 'vitest';
import { DueTimes } from '../../../src/session/due-times.ts';
import type { ClientNumber } from '../../../src/session/client-table.ts';
import { ManualTimers } from '../../support/manual-timers.ts';

describe('due times', () => {
  let time: ManualTimers;
  let seen: string[];
  let names: string[];
  let due: DueTimes;

  beforeEach(() => {
    time = new ManualTimers();
    seen = [];
    names = [];
    due = new DueTimes(time, time, (client) => seen.push(names[client] ?? ''));
  });

  const at = (client: string, dueAtMs: number): void => {
    if (!names.includes(client)) names.push(client);
    due.at(names.indexOf(client) as ClientNumber, dueAtMs);
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

  test('clients that are due over a week, some put off meanwhile, are each looked at once at their time', () => {
    const dueAtS = (client: number): number => 1 + ((client * 7_919) % 604_800);
    for (let client = 0; client < 2_000; client++) at(`c${client}`, 1_000 * dueAtS(client));
    for (let client = 0; client < 2_000; client += 3) at(`c${client}`, 1_000 * (dueAtS(client) + 5_000));
    const expected = Array.from({ length: 2_000 }, (_, client) => ({
      name: `c${client}`,
      atS: dueAtS(client) + (client % 3 === 0 ? 5_000 : 0),
    })).sort((a, b) => a.atS - b.atS);
    let looked = 0;
    for (let nowS = 0; nowS < 611_000; nowS += 500) {
      time.advance(500_000);
      const now = seen.slice(looked);
      looked = seen.length;
      const due = expected.filter(({ atS }) => atS > nowS && atS <= nowS + 500).map(({ name }) => name);
      expect(new Set(now)).toEqual(new Set(due));
      expect(now).toHaveLength(due.length);
    }
    expect(looked).toBe(2_000);
  });

  test('a mass expiry is spread over turns and loses nobody', () => {
    for (let index = 0; index < 1_234; index++) at(`c${index}`, 1_000);
    time.advance(1_000);
    expect(seen.length).toBeGreaterThan(0);
    time.advance(1);
    expect(new Set(seen).size).toBe(1_234);
  });

  test('one that asks again while it is looked at is looked at again', () => {
    const again = new DueTimes(time, time, (client) => {
      seen.push(`client ${client}`);
      if (seen.length < 3) again.at(client, time.nowMs());
    });
    again.at(0 as ClientNumber, 0);
    time.advance(5_000);
    expect(seen).toEqual(['client 0', 'client 0', 'client 0']);
  });

  test('nothing is looked at after a stop', () => {
    at('a', 1_000);
    due.stop();
    time.advance(5_000);
    expect(seen).toEqual([]);
    expect(due.size).toBe(0);
  });
});
