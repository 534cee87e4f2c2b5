import { describe, expect, it } from 'vitest';
import { sideBySide } from '../../../../../src/adapters/hbase/snapshot/side-by-side.ts';

interface Numbers {
  readonly open: () => AsyncGenerator<number>;
  opened: boolean;
  closed: boolean;
}

/** `count` numbers from `first` on, then an error if there is one. */
function numbers(first: number, count: number, error?: Error): Numbers {
  const sequence: Numbers = {
    opened: false,
    closed: false,
    async *open() {
      sequence.opened = true;
      try {
        for (let number = first; number < first + count; number++) yield await Promise.resolve(number);
        if (error !== undefined) throw error;
      } finally {
        sequence.closed = true;
      }
    },
  };
  return sequence;
}

async function all(sequence: AsyncGenerator<number>): Promise<number[]> {
  const found: number[] = [];
  for await (const number of sequence) found.push(number);
  return found;
}

describe('sideBySide', () => {
  it('gives out everything of all sequences once, each in its order', async () => {
    const sequences = [numbers(0, 5), numbers(10, 0), numbers(20, 3), numbers(30, 1), numbers(40, 7)];
    const found = await all(
      sideBySide(
        sequences.map(({ open }) => open),
        2,
      ),
    );
    for (const [index, count] of [5, 0, 3, 1, 7].entries()) {
      const own = found.filter((number) => Math.floor(number / 10) === index);
      expect(own).toEqual(Array.from({ length: count }, (_, n) => index * 10 + n));
    }
    expect(await all(sideBySide([], 3))).toEqual([]);
  });

  it('opens as many at a time as it was told', async () => {
    const sequences = [numbers(0, 3), numbers(10, 3), numbers(20, 3)];
    const reading = sideBySide(
      sequences.map(({ open }) => open),
      2,
    );
    await reading.next();
    expect(sequences.map(({ opened }) => opened)).toEqual([true, true, false]);
    await reading.return(undefined);
    expect(sequences.map(({ closed }) => closed)).toEqual([true, true, false]);
  });

  it('fails as the first that fails, and closes the others', async () => {
    const sequences = [numbers(0, 100), numbers(100, 2, new Error('away')), numbers(200, 100)];
    await expect(
      all(
        sideBySide(
          sequences.map(({ open }) => open),
          3,
        ),
      ),
    ).rejects.toThrow('away');
    expect(sequences.map(({ closed }) => closed)).toEqual([true, true, true]);
  });

  it('tells of a failure that happened while nobody asked', async () => {
    const reading = sideBySide([numbers(0, 1, new Error('away')).open], 1);
    expect(await reading.next()).toEqual({ done: false, value: 0 });
    await new Promise((resolve) => setImmediate(resolve));
    await expect(reading.next()).rejects.toThrow('away');
  });
});
