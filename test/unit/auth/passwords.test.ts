import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  DEFAULT_COST,
  formatPasswordHash,
  hashPassword,
  parsePasswordHash,
  verifyPassword,
} from '../../../src/auth/password-hash.ts';
import { PASSWORD_VERIFIER_DEFAULTS, PasswordVerifier } from '../../../src/auth/password-verifier.ts';
import type { PasswordVerifierOptions } from '../../../src/auth/password-verifier.ts';

const CHEAP = { ln: 10, r: 8, p: 1 };
const secret = Buffer.from('open sesame');
const cheapHash = await hashPassword(secret, Buffer.alloc(16, 1), CHEAP);

describe('password hashes', () => {
  it('survive being written and read', async () => {
    const text = formatPasswordHash(await hashPassword(secret, randomBytes(16)));
    expect(text).toMatch(/^\$scrypt\$ln=15,r=8,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    const parsed = parsePasswordHash(text);
    if (parsed === undefined) throw new Error('not parsed');
    expect(parsed).toMatchObject(DEFAULT_COST);
    expect(await verifyPassword(secret, parsed)).toBe(true);
    expect(await verifyPassword(Buffer.from('open sesamf'), parsed)).toBe(false);
  });

  it('agree with the test vector of RFC 7914, section 12', async () => {
    const salt = Buffer.from('SodiumChloride');
    const { hash } = await hashPassword(Buffer.from('pleaseletmein'), salt, { ln: 14, r: 8, p: 1 });
    expect(hash.toString('hex')).toBe('7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2');
  });

  it('are refused when their cost could exhaust the machine or protects nothing', () => {
    const with_ = (cost: string) => `$scrypt$${cost}$${'A'.repeat(22)}$${'A'.repeat(43)}`;
    expect(parsePasswordHash(with_('ln=15,r=8,p=1'))).toBeDefined();
    for (const cost of ['ln=9,r=8,p=1', 'ln=21,r=8,p=1', 'ln=15,r=17,p=1', 'ln=15,r=8,p=5', 'ln=15,r=0,p=1'])
      expect(parsePasswordHash(with_(cost)), cost).toBeUndefined();
    expect(parsePasswordHash('$scrypt$ln=15,r=8,p=1$AAAA$AAAA')).toBeUndefined();
    expect(parsePasswordHash('plain text')).toBeUndefined();
  });

  it('of Argon2id are read and written, and refused for the same reasons', () => {
    const with_ = (cost: string, version = 19) =>
      `$argon2id$v=${version}$${cost}$${'A'.repeat(22)}$${'A'.repeat(43)}`;
    const text = with_('m=19456,t=2,p=1');
    const parsed = parsePasswordHash(text);
    if (parsed === undefined) throw new Error('not parsed');
    expect(parsed).toMatchObject({ memoryKib: 19_456, passes: 2, lanes: 1 });
    expect(formatPasswordHash(parsed)).toBe(text);
    for (const cost of [
      'm=1023,t=2,p=1',
      'm=262145,t=2,p=1',
      'm=19456,t=0,p=1',
      'm=19456,t=17,p=1',
      'm=19456,t=2,p=5',
    ])
      expect(parsePasswordHash(with_(cost)), cost).toBeUndefined();
    expect(parsePasswordHash(with_('m=19456,t=2,p=1', 16))).toBeUndefined();
  });
});

describe('PasswordVerifier', () => {
  function verifier(options: Partial<PasswordVerifierOptions> = {}): PasswordVerifier {
    return new PasswordVerifier({ ...PASSWORD_VERIFIER_DEFAULTS, cacheKey: Buffer.alloc(32, 7), ...options });
  }

  it('remembers right and wrong passwords apart, per user and hash', async () => {
    const logins = verifier();
    expect(await logins.verify('t/u', secret, cheapHash)).toBe('right');
    expect(await logins.verify('t/u', Buffer.from('no'), cheapHash)).toBe('wrong');
    expect(await logins.verify('t/u', secret, cheapHash)).toBe('right');
    const changed = await hashPassword(Buffer.from('new'), Buffer.alloc(16, 2), CHEAP);
    expect(await logins.verify('t/u', secret, changed)).toBe('wrong');
  });

  it('never takes the empty password, and hashes all the same', async () => {
    const hashed: Buffer[] = [];
    const logins = verifier({
      argon2id: (password, _salt, _cost, bytes) => {
        hashed.push(password);
        return Promise.resolve(Buffer.alloc(bytes));
      },
    });
    const hash = { memoryKib: 1_024, passes: 1, lanes: 1, salt: Buffer.alloc(16), hash: Buffer.alloc(32, 1) };
    expect(await logins.verify('t/u', Buffer.alloc(0), hash)).toBe('wrong');
    expect(hashed.map(({ length }) => length)).toEqual([32]);
    const ofNothing = await hashPassword(Buffer.alloc(0), Buffer.alloc(16, 1), CHEAP);
    expect(await logins.verify('t/u', Buffer.alloc(0), ofNothing)).toBe('wrong');
  });

  it('answers a storm of reconnects from memory', async () => {
    const logins = verifier({ hashesAtATime: 1, waitingMax: 0 });
    expect(await logins.verify('t/u', secret, cheapHash)).toBe('right');
    const storm = Array.from({ length: 1000 }, () => logins.verify('t/u', secret, cheapHash));
    expect(new Set(await Promise.all(storm))).toEqual(new Set(['right']));
  });

  it('hashes for tenants in turns, and in one turn for all names that no tenant has', async () => {
    const hashed: string[] = [];
    const logins = verifier({
      hashesAtATime: 1,
      tenants: { has: (name) => ['acme', 'globex'].includes(name) },
      argon2id: (password, _salt, _cost, bytes) => {
        hashed.push(password.toString());
        return Promise.resolve(Buffer.alloc(bytes));
      },
    });
    const hash = { memoryKib: 1_024, passes: 1, lanes: 1, salt: Buffer.alloc(16), hash: Buffer.alloc(32, 1) };
    const users = ['acme/1', 'acme/2', 'acme/3', 'x/1', 'y/1', 'z/1', 'globex/1'];
    await Promise.all(users.map((user) => logins.verify(user, Buffer.from(user), hash)));
    expect(hashed).toEqual(['acme/1', 'acme/2', 'x/1', 'globex/1', 'acme/3', 'y/1', 'z/1']);
  });

  it('turns away more logins than may wait, and works on afterwards', async () => {
    const logins = verifier({ hashesAtATime: 1, waitingMax: 2 });
    const storm = ['a', 'b', 'c', 'd', 'e'].map((user) => logins.verify(user, secret, cheapHash));
    expect(logins.waiting).toBe(2);
    expect(await Promise.all(storm)).toEqual(['right', 'right', 'right', 'busy', 'busy']);
    expect(logins.waiting).toBe(0);
    expect(await logins.verify('d', secret, cheapHash)).toBe('right');
  });
});
