import { describe, expect, it } from 'vitest';
import { AskingBrake } from '../../../src/broker/asking-brake.ts';
import type { ClientLink } from '../../../src/broker/client-link.ts';

const LIMITS = { receiveMaximum: 10, requestsMax: 2 };

function brakeOf(level: 4 | 5) {
  const told: string[] = [];
  const link: Pick<ClientLink, 'pauseReading' | 'resumeReading'> = {
    pauseReading: (reason) => told.push(`pause ${reason}`),
    resumeReading: (reason) => told.push(`resume ${reason}`),
  };
  return { told, brake: new AskingBrake(link as ClientLink, level, LIMITS) };
}

describe('a client that asks faster than it is answered', () => {
  it('is read no further at so many requests, and on with the first answer', () => {
    const { told, brake } = brakeOf(5);
    const first = brake.begin(3);
    expect(told).toEqual([]);
    const second = brake.begin(4);
    expect([told, brake.filters]).toEqual([['pause requests'], 7]);
    first();
    expect([told, brake.filters]).toEqual([['pause requests', 'resume requests'], 4]);
    second();
    expect([told.length, brake.filters]).toEqual([2, 0]);
  });

  it('may exceed them by what it had sent, and is read on below them', () => {
    const { told, brake } = brakeOf(5);
    const [first, second, third] = [brake.begin(0), brake.begin(0), brake.begin(0)];
    first();
    expect(told).toEqual(['pause requests']);
    second();
    expect(told).toEqual(['pause requests', 'resume requests']);
    third();
    expect(told).toHaveLength(2);
  });

  it('has what it publishes wait for the requests before it, and is read no further until then', () => {
    const { told, brake } = brakeOf(5);
    const publish = (name: string) => () => {
      told.push(name);
    };
    expect(brake.hasRequests).toBe(false);
    const first = brake.begin(0);
    expect(brake.hasRequests).toBe(true);
    brake.afterRequests(publish('one'));
    expect(told).toEqual(['pause requests']);
    first();
    expect(told).toEqual(['pause requests', 'one', 'resume requests']);
    const [second, third] = [brake.begin(0), brake.begin(0)];
    brake.afterRequests(publish('two'));
    second();
    expect(told.slice(3)).toEqual(['pause requests']);
    third();
    expect(told.slice(3)).toEqual(['pause requests', 'two', 'resume requests']);
  });

  it.each([
    [4, 10],
    [5, 20],
  ] as const)(
    'of MQTT %i is read no further at %i acknowledgements, and on at half of them',
    (level, max) => {
      const { told, brake } = brakeOf(level);
      for (let waiting = 1; waiting < max; waiting++) brake.answersWait(waiting);
      expect(told).toEqual([]);
      brake.answersWait(max);
      brake.answersWait(max + 1);
      brake.answersWait(max / 2 + 1);
      expect(told).toEqual(['pause acks']);
      brake.answersWait(max / 2);
      expect(told).toEqual(['pause acks', 'resume acks']);
    },
  );
});
