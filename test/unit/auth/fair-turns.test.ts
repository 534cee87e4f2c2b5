import { describe, expect, it } from 'vitest';
import { FairTurns } from '../../../src/auth/fair-turns.ts';

/** Turns that are named as they come, one at a time. */
function named(waitingMax: number) {
  const turns = new FairTurns(1, waitingMax);
  const outcomes: string[] = [];
  const come = (tenant: string, name: string): void => {
    void turns.enter(tenant).then((isTurn) => outcomes.push(isTurn ? name : `not ${name}`));
  };
  /** Everybody leaves as soon as it is there. */
  const settle = async (): Promise<void> => {
    for (let left = turns.waiting + 1; left > 0; left--) {
      await Promise.resolve();
      await Promise.resolve();
      turns.leave();
    }
    await Promise.resolve();
    await Promise.resolve();
  };
  return { turns, outcomes, come, settle };
}

describe('FairTurns', () => {
  it('let tenants take turns, and within a tenant who came first', async () => {
    const { turns, outcomes, come, settle } = named(10);
    for (const name of ['a1', 'a2', 'a3', 'a4']) come('a', name);
    for (const name of ['b1', 'b2']) come('b', name);
    come('c', 'c1');
    expect(turns.waiting).toBe(6);
    await settle();
    expect(outcomes).toEqual(['a1', 'a2', 'b1', 'c1', 'a3', 'b2', 'a4']);
    expect(turns.waiting).toBe(0);
    expect(await turns.enter('a')).toBe(true);
  });

  it('turn away the last of whoever has most waiting, and nobody else', async () => {
    const { turns, outcomes, come, settle } = named(4);
    for (const name of ['a1', 'a2', 'a3', 'a4', 'a5', 'a6']) come('a', name);
    come('b', 'b1');
    come('b', 'b2');
    come('b', 'b3');
    expect(turns.waiting).toBe(4);
    await settle();
    expect(outcomes.filter((outcome) => outcome.startsWith('not')).sort()).toEqual([
      'not a4',
      'not a5',
      'not a6',
      'not b3',
    ]);
    expect(outcomes.filter((outcome) => !outcome.startsWith('not'))).toEqual(['a1', 'a2', 'b1', 'a3', 'b2']);
  });

  it('let nobody wait where nobody may', async () => {
    const turns = new FairTurns(1, 0);
    expect([await turns.enter('a'), await turns.enter('b')]).toEqual([true, false]);
    turns.leave();
    expect(await turns.enter('b')).toBe(true);
  });
});
