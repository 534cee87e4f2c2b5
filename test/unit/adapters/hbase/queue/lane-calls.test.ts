import { describe, expect, test } from 'vitest';
import { LaneCalls } from '../../../../../src/adapters/hbase/queue/lane-calls.ts';

/** Calls that wait until the test answers them. */
class HeldCalls {
  readonly asked: (readonly string[])[] = [];
  readonly #ends: { resolve: (answers: string[]) => void; reject: (error: unknown) => void }[] = [];

  readonly calls = new LaneCalls<string, string>((items) => {
    this.asked.push(items);
    return new Promise((resolve, reject) => this.#ends.push({ resolve, reject }));
  });

  answer(): void {
    const index = this.asked.length - this.#ends.length;
    this.#ends.shift()?.resolve((this.asked[index] ?? []).map((item) => item.toUpperCase()));
  }

  fail(): void {
    this.#ends.shift()?.reject(new Error('away'));
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('calls of a lane', () => {
  test('what one turn asks for is one call, what comes meanwhile the next', async () => {
    const held = new HeldCalls();
    const first = [held.calls.add(1, 'a'), held.calls.add(1, 'b')];
    await turn();
    const second = [held.calls.add(1, 'c'), held.calls.add(1, 'd')];
    await turn();
    expect(held.asked).toEqual([['a', 'b']]);
    held.answer();
    expect(await Promise.all(first)).toEqual(['A', 'B']);
    await turn();
    expect(held.asked).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ]);
    held.answer();
    expect(await Promise.all(second)).toEqual(['C', 'D']);
  });

  test('lanes do not wait for each other', async () => {
    const held = new HeldCalls();
    const one = held.calls.add(1, 'a');
    const two = held.calls.add(2, 'b');
    await turn();
    expect(held.asked).toEqual([['a'], ['b']]);
    held.answer();
    held.answer();
    expect(await Promise.all([one, two])).toEqual(['A', 'B']);
  });

  test('a call that fails rejects what was in it, and the next one is made', async () => {
    const held = new HeldCalls();
    const failing = held.calls.add(1, 'a');
    await turn();
    const later = held.calls.add(1, 'b');
    held.fail();
    await expect(failing).rejects.toThrow('away');
    await turn();
    held.answer();
    expect(await later).toBe('B');
  });

  test('a call carries a bounded number of items', async () => {
    const held = new HeldCalls();
    const asked = Array.from({ length: 1_500 }, (_, index) => held.calls.add(1, `${index}`));
    await turn();
    held.answer();
    await turn();
    held.answer();
    await Promise.all(asked);
    expect(held.asked.map((items) => items.length)).toEqual([1_000, 500]);
  });
});
