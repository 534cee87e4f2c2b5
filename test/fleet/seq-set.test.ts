import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SeqSet } from '../../src/fleet/seq-set.ts';

describe('a set of sequence numbers', () => {
  it('costs one range for any number of consecutive numbers, in whatever order they come', () => {
    const set = new SeqSet();
    for (let seq = 1; seq <= 10_000; seq += 2) set.add(seq);
    expect(set.ranges).toBe(5_000);
    for (let seq = 10_000; seq >= 2; seq -= 2) set.add(seq);
    expect(set.ranges).toBe(1);
    expect(set.size).toBe(10_000);
  });

  it('behaves like a set', () => {
    const numbers = fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 60 });
    fc.assert(
      fc.property(numbers, numbers, (mine, others) => {
        const set = new SeqSet();
        const plain = new Set<number>();
        for (const seq of mine) {
          expect(set.add(seq)).toBe(!plain.has(seq));
          plain.add(seq);
        }
        const other = new SeqSet();
        for (const seq of others) other.add(seq);
        expect(set.size).toBe(plain.size);
        for (let seq = 0; seq <= 42; seq++) expect(set.has(seq)).toBe(plain.has(seq));
        expect([...set.without(other)]).toEqual(
          [...plain].filter((seq) => !others.includes(seq)).toSorted((one, two) => one - two),
        );
      }),
    );
  });
});
