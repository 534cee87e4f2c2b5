import { expect, it } from 'vitest';
import { responsibleBroker } from '../../../src/cluster/responsibility.ts';

const member = (brokerId: string, draining = false) => ({ brokerId, draining });
const keys = Array.from({ length: 300 }, (_, index) => `acme/rule-${index}`);

it('is shared by the brokers that stay, and moves only where somebody came or went', () => {
  const three = [member('one'), member('two'), member('three')];
  const before = keys.map((key) => responsibleBroker(key, three));
  expect(new Set(before)).toEqual(new Set(['one', 'two', 'three']));
  // Two runs of one broker, as after a crash, are one broker.
  expect(keys.map((key) => responsibleBroker(key, [member('two'), ...three.toReversed()]))).toEqual(before);
  const drained = keys.map((key) =>
    responsibleBroker(key, [member('one', true), member('two'), member('three')]),
  );
  for (const [index, broker] of before.entries())
    if (broker === 'one') expect(drained[index]).not.toBe('one');
    else expect(drained[index]).toBe(broker);
  expect(responsibleBroker('key', [member('one', true)])).toBe('one');
  expect(responsibleBroker('key', [])).toBeUndefined();
});
