import { afterAll, describe, expect, it } from 'vitest';
import { Argon2Workers } from '../../../src/adapters/argon2/argon2-workers.ts';
import { formatPasswordHash, hashPassword, verifyPassword } from '../../../src/auth/password-hash.ts';

const workers = new Argon2Workers(2);
const salt = Buffer.alloc(16, 1);
const CHEAP = { memoryKib: 1_024, passes: 1, lanes: 1 };

afterAll(() => workers.close());

describe('Argon2Workers', () => {
  it('agrees with the test vector of the reference implementation', async () => {
    const hash = await workers.derive(
      Buffer.from('password'),
      Buffer.from('somesalt'),
      { memoryKib: 65_536, passes: 2, lanes: 1 },
      32,
    );
    expect(hash.toString('hex')).toBe('09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7');
  });

  it('hashes and verifies, more at a time than there are threads', async () => {
    const secret = Buffer.from('open sesame');
    const hash = await hashPassword(secret, salt, CHEAP, workers.derive);
    expect(formatPasswordHash(hash)).toMatch(
      /^\$argon2id\$v=19\$m=1024,t=1,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/,
    );
    const guesses = ['open sesame', 'open sesamf', 'x', 'open sesame'];
    const verdicts = guesses.map((guess) => verifyPassword(Buffer.from(guess), hash, workers.derive));
    expect(await Promise.all(verdicts)).toEqual([true, false, false, true]);
  });

  it('leaves the event loop to others meanwhile', async () => {
    let turns = 0;
    let over = false;
    const turn = (): void => {
      turns++;
      if (!over) setImmediate(turn);
    };
    turn();
    await workers.derive(Buffer.from('x'), salt, { memoryKib: 32_768, passes: 3, lanes: 1 }, 32);
    over = true;
    expect(turns).toBeGreaterThan(100);
  });

  it('says so when a hash cannot be computed, and goes on', async () => {
    await expect(workers.derive(Buffer.from('x'), salt, { ...CHEAP, memoryKib: 1 }, 32)).rejects.toThrow(
      'argon2: ',
    );
    await expect(workers.derive(Buffer.from('x'), salt, CHEAP, 32)).resolves.toHaveLength(32);
  });

  it('gives up what is under way when it is closed', async () => {
    const other = new Argon2Workers(1);
    const outcomes = Promise.allSettled([
      other.derive(Buffer.from('x'), salt, CHEAP, 32),
      other.derive(Buffer.from('y'), salt, CHEAP, 32),
    ]);
    await other.close();
    expect((await outcomes).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });
});
