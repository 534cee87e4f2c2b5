import { describe, expect, it, vi } from 'vitest';
import { hashPassword, isWeaker, type PasswordHash } from '../../../src/auth/password-hash.ts';
import { PasswordUpgrades, type PasswordUpgrade } from '../../../src/auth/password-upgrades.ts';
import { PASSWORD_VERIFIER_DEFAULTS, PasswordVerifier } from '../../../src/auth/password-verifier.ts';
import { DEFAULT_TENANT } from '../../../src/tenancy/identity.ts';
import { ManualTimers } from '../../support/manual-timers.ts';

const WEAK = { ln: 10, r: 8, p: 1 };
const WANTED = { ln: 11, r: 8, p: 1 };
const secret = Buffer.from('open sesame');
const weak = await hashPassword(secret, Buffer.alloc(16, 1), WEAK);

function upgrading(store: (upgrades: readonly PasswordUpgrade[]) => Promise<number>) {
  const timers = new ManualTimers();
  const failures: unknown[] = [];
  const upgrades = new PasswordUpgrades({
    wanted: WANTED,
    verifier: new PasswordVerifier({ ...PASSWORD_VERIFIER_DEFAULTS, cacheKey: Buffer.alloc(32) }),
    newSalt: () => Buffer.alloc(16, 2),
    store,
    onFailure: (error) => failures.push(error),
    timers,
  });
  const consider = (clientName: string, from: PasswordHash = weak): void => {
    upgrades.consider({ tenant: DEFAULT_TENANT, clientName }, secret, from);
  };
  return { upgrades, timers, failures, consider };
}

describe('isWeaker', () => {
  const bytes = { salt: Buffer.alloc(16), hash: Buffer.alloc(32) };
  const argon2 = { memoryKib: 2_048, passes: 2, lanes: 1 };
  it.each([
    ['scrypt with fewer rounds', { ...WEAK, ...bytes }, WANTED, true],
    ['scrypt with as many', { ...WANTED, ...bytes }, WANTED, false],
    ['scrypt with more', { ...WANTED, ln: 12, ...bytes }, WANTED, false],
    ['scrypt where Argon2id is wanted', { ...WANTED, ...bytes }, argon2, true],
    ['Argon2id where scrypt is wanted', { ...argon2, ...bytes }, WANTED, false],
    ['Argon2id with less memory', { ...argon2, memoryKib: 1_024, ...bytes }, argon2, true],
    ['Argon2id with fewer passes', { ...argon2, passes: 1, ...bytes }, argon2, true],
    ['Argon2id as wanted', { ...argon2, ...bytes }, argon2, false],
  ] as const)('%s', (_what, hash, wanted, expected) => {
    expect(isWeaker(hash, wanted)).toBe(expected);
  });
});

describe('PasswordUpgrades', () => {
  it('writes what came together at once, and every user once', async () => {
    const stored: (readonly PasswordUpgrade[])[] = [];
    const { upgrades, timers, consider } = upgrading((batch) => {
      stored.push(batch);
      return Promise.resolve(batch.length);
    });
    for (const name of ['a', 'b', 'a']) consider(name);
    consider('strong', { ...weak, ...WANTED });
    expect(upgrades.pending).toBe(2);
    await vi.waitFor(() => {
      expect(timers.count).toBe(1);
    });
    await hashed(upgrades, consider);
    timers.advance(1_000);
    await vi.waitFor(() => {
      expect(upgrades.pending).toBe(0);
    });
    expect(stored).toHaveLength(1);
    expect(stored[0]?.map(({ user }) => user.clientName)).toEqual(expect.arrayContaining(['a', 'b', 'last']));
    expect(stored[0]?.[0]).toMatchObject({ from: weak, to: WANTED });
    expect(upgrades.upgraded).toBe(3);
  });

  it('leaves a store alone for a while that took nothing', async () => {
    const { upgrades, timers, failures, consider } = upgrading(() => Promise.reject(new Error('read-only')));
    consider('a');
    await vi.waitFor(() => {
      expect(timers.count).toBe(1);
    });
    timers.advance(1_000);
    await vi.waitFor(() => {
      expect(upgrades.pending).toBe(0);
    });
    expect(failures).toEqual([new Error('read-only')]);
    expect(upgrades).toMatchObject({ upgraded: 0, failed: 1 });
    consider('a');
    expect(upgrades.pending).toBe(0);
    timers.advance(60_000);
    consider('a');
    expect(upgrades.pending).toBe(1);
  });

  it('keeps no timer once it is closed: neither of what is to be written nor of a pause', async () => {
    const stored: unknown[] = [];
    const waiting = upgrading((batch) => Promise.resolve(stored.push(batch)));
    waiting.consider('a');
    await vi.waitFor(() => {
      expect(waiting.timers.count).toBe(1);
    });
    waiting.upgrades.close();
    expect(waiting.timers.count).toBe(0);
    waiting.consider('b');
    expect(stored).toEqual([]);

    const failing = upgrading(() => Promise.reject(new Error('read-only')));
    failing.consider('a');
    await vi.waitFor(() => {
      expect(failing.timers.count).toBe(1);
    });
    failing.timers.advance(1_000);
    await vi.waitFor(() => {
      expect(failing.failures).toHaveLength(1);
    });
    failing.upgrades.close();
    expect(failing.timers.count).toBe(0);
  });

  it('knows that both hashes are of one password, and says so of no others', async () => {
    const { upgrades, timers, consider } = upgrading((batch) => Promise.resolve(batch.length));
    consider('a');
    await vi.waitFor(() => {
      expect(timers.count).toBe(1);
    });
    const user = { tenant: DEFAULT_TENANT, clientName: 'a' };
    const to = await hashPassword(secret, Buffer.alloc(16, 2), WANTED);
    expect(upgrades.isUpgrade(user, weak, to)).toBe(true);
    const other = await hashPassword(Buffer.from('other'), Buffer.alloc(16, 2), WANTED);
    expect(upgrades.isUpgrade(user, weak, other)).toBe(false);
    expect(upgrades.isUpgrade(user, other, to)).toBe(false);
    expect(upgrades.isUpgrade({ ...user, clientName: 'b' }, weak, to)).toBe(false);
    upgrades.close();
  });
});

/** Hashes are computed in turn: when that of the last is there, so are those before it. */
async function hashed(upgrades: PasswordUpgrades, consider: (name: string) => void): Promise<void> {
  const verifier = new PasswordVerifier({ ...PASSWORD_VERIFIER_DEFAULTS, cacheKey: Buffer.alloc(32) });
  consider('last');
  for (let time = 0; time < 4; time++) await verifier.hash(secret, Buffer.alloc(16), WANTED);
  expect(upgrades.pending).toBe(3);
}
