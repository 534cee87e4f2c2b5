import { describe, expect, it } from 'vitest';
import { CachedUsers, type CachedUsersOptions, type SharedUsers } from '../../../src/auth/cached-users.ts';
import { hashPassword } from '../../../src/auth/password-hash.ts';
import { parseTopicRule } from '../../../src/auth/topic-rule.ts';
import { decodeUser, encodeUser } from '../../../src/auth/user-text-codec.ts';
import type { User } from '../../../src/auth/user-list.ts';
import { StoreUnavailableError } from '../../../src/errors/store-unavailable-error.ts';
import { DEFAULT_TENANT, parseTenantId } from '../../../src/tenancy/identity.ts';
import { ManualTimers } from '../../support/manual-timers.ts';

const named = (clientName: string) => ({ tenant: DEFAULT_TENANT, clientName });
const bike: User = {
  ...named('bike'),
  passwordHash: undefined,
  scram: undefined,
  certificate: true,
  rules: [],
};

function caching(options: Partial<CachedUsersOptions> = {}) {
  const time = new ManualTimers();
  const asked: {
    readonly name: string;
    readonly answer: (user: User | undefined) => void;
    readonly fail: (error: Error) => void;
  }[] = [];
  const users = new CachedUsers({
    source: {
      find: ({ clientName }) =>
        new Promise((answer, fail) => {
          asked.push({ name: clientName, answer, fail });
        }),
    },
    clock: time,
    ttlMs: 60_000,
    negativeTtlMs: 5_000,
    usersMax: 100,
    ...options,
  });
  /** Asks, and has the source answer if it is asked. */
  const find = async (name: string, exists = true): Promise<User | undefined> => {
    const before = asked.length;
    const result = users.find(named(name));
    await Promise.resolve();
    await Promise.resolve();
    asked.at(before)?.answer(exists ? { ...bike, ...named(name) } : undefined);
    return result;
  };
  return { users, time, asked, find };
}

describe('CachedUsers', () => {
  it('remembers users and names that nobody has, each for its time', async () => {
    const { time, asked, find } = caching();
    expect(await find('bike')).toMatchObject({ clientName: 'bike' });
    expect(await find('nobody', false)).toBeUndefined();
    time.advance(4_999);
    expect(await find('nobody', false)).toBeUndefined();
    expect(asked).toHaveLength(2);
    time.advance(1);
    await find('nobody', false);
    expect(asked).toHaveLength(3);
    time.advance(54_999);
    await find('bike');
    expect(asked).toHaveLength(3);
    time.advance(1);
    await find('bike');
    expect(asked).toHaveLength(4);
  });

  it('looks up once for many who ask at a time', async () => {
    const { users, asked } = caching();
    const answers = Array.from({ length: 1_000 }, () => users.find(named('bike')));
    await Promise.resolve();
    await Promise.resolve();
    expect(asked).toHaveLength(1);
    asked[0]?.answer(bike);
    expect(new Set(await Promise.all(answers))).toEqual(new Set([bike]));
  });

  it('remembers nothing that failed', async () => {
    const { users, asked } = caching();
    const failing = users.find(named('bike'));
    await Promise.resolve();
    await Promise.resolve();
    asked[0]?.fail(new StoreUnavailableError('MySQL', 'start it'));
    await expect(failing).rejects.toThrow('MySQL is unavailable');
    const again = users.find(named('bike'));
    await Promise.resolve();
    await Promise.resolve();
    asked[1]?.answer(bike);
    expect(await again).toBe(bike);
  });

  it('forgets one tenant and no other, with what is being looked up of it', async () => {
    const { users, asked, find } = caching();
    const acme = parseTenantId('acme');
    if (acme === undefined) throw new Error('acme');
    await find('bike');
    const before = users.find({ tenant: acme, clientName: 'bike' });
    await Promise.resolve();
    await Promise.resolve();
    users.forgetTenant(acme);
    asked[1]?.answer(bike);
    await before;
    void users.find({ tenant: acme, clientName: 'bike' });
    await find('bike');
    await Promise.resolve();
    expect(asked).toHaveLength(3);
  });

  it('does not keep what was looked up before a change and arrives after it', async () => {
    const { users, asked } = caching();
    const before = users.find(named('bike'));
    await Promise.resolve();
    await Promise.resolve();
    users.forget(named('bike'));
    const after = users.find(named('bike'));
    await Promise.resolve();
    await Promise.resolve();
    expect(asked).toHaveLength(2);
    asked[1]?.answer({ ...bike, certificate: false });
    asked[0]?.answer(bike);
    expect((await before)?.certificate).toBe(true);
    expect((await after)?.certificate).toBe(false);
    expect((await users.find(named('bike')))?.certificate).toBe(false);
    expect(asked).toHaveLength(2);
  });

  it('remembers no more users than it is told to', async () => {
    const { users, find } = caching({ usersMax: 10 });
    for (let index = 0; index < 100; index++) await find(`bike-${index}`);
    expect(users.size).toBe(10);
  });

  it('trusts its memory for a second only while changes may be missed', async () => {
    const shared = { hearsChanges: true, read: () => Promise.resolve(undefined), write: () => undefined };
    const { time, asked, find } = caching({ shared });
    await find('bike');
    time.advance(30_000);
    await find('bike');
    expect(asked).toHaveLength(1);
    shared.hearsChanges = false;
    await find('bike');
    expect(asked).toHaveLength(2);
    time.advance(999);
    await find('bike');
    expect(asked).toHaveLength(2);
  });

  it('asks the shared cache first, and tells it what it did not know', async () => {
    const written: unknown[] = [];
    const shared: SharedUsers = {
      hearsChanges: true,
      read: ({ clientName }) =>
        Promise.resolve({ generation: 'g', known: clientName === 'bike' ? { user: bike } : undefined }),
      write: ({ clientName }, { generation }, found) => written.push([clientName, generation, found]),
    };
    const { users, asked, find } = caching({ shared });
    expect(await find('bike')).toBe(bike);
    expect(asked).toHaveLength(0);
    expect(await find('nobody', false)).toBeUndefined();
    expect(written).toEqual([['nobody', 'g', undefined]]);
    expect(users).toMatchObject({ sharedHits: 1, misses: 1, hits: 0 });
  });
});

describe('a user as text', () => {
  it('is the same user when it is read, and nobody stays nobody', async () => {
    const rule = parseTopicRule('allow publish(qos<=1) devices/%c/#');
    if ('problem' in rule) throw new Error(rule.problem);
    const passwordHash = await hashPassword(Buffer.from('x'), Buffer.alloc(16), { ln: 10, r: 8, p: 1 });
    const user: User = { ...bike, passwordHash, rules: [rule] };
    expect(decodeUser(named('bike'), encodeUser(user))).toEqual({ user });
    expect(decodeUser(named('bike'), encodeUser(undefined))).toEqual({ user: undefined });
  });

  it.each([
    '',
    '{',
    '7',
    '{"password":"x","certificate":true,"rules":[]}',
    '{"certificate":true,"rules":["deny everything"]}',
    '{"rules":[]}',
  ])('that cannot be understood is nothing known: %s', (text) => {
    expect(decodeUser(named('bike'), text)).toBeUndefined();
  });
});
