import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HashIndex, NONE } from '../../../src/packed/hash-index.ts';

function candidates(index: HashIndex, hash: number): number[] {
  const found: number[] = [];
  for (let item = index.first(hash); item !== NONE; item = index.after(item, hash)) found.push(item);
  return found.sort((a, b) => a - b);
}

describe('hash index', () => {
  test('finds exactly what was added with a hash and not removed since', () => {
    const step = fc.record({ item: fc.nat({ max: 300 }), hash: fc.oneof(fc.integer(), fc.nat({ max: 3 })) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (steps) => {
        const index = new HashIndex();
        const model = new Map<number, number>();
        for (const { item, hash } of steps) {
          const known = model.get(item);
          if (known !== undefined) {
            model.delete(item);
            index.remove(item, known);
          } else {
            model.set(item, hash);
            index.add(item, hash);
          }
        }
        expect(index.size).toBe(model.size);
        for (const hash of [...model.values(), ...steps.map((each) => each.hash)]) {
          const expected = [...model].filter(([, its]) => its === hash).map(([item]) => item);
          expect(candidates(index, hash)).toEqual(expected.sort((a, b) => a - b));
        }
      }),
    );
  });

  test('removing what is not there is a broken invariant', () => {
    const index = new HashIndex();
    index.add(1, 7);
    index.remove(1, 7);
    expect(() => {
      index.remove(1, 7);
    }).toThrow('not in its bucket');
  });
});
