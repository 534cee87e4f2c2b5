import { describe, expect, it } from 'vitest';
import { changedUsers } from '../../../src/auth/changed-users.ts';
import { parseTopicRule } from '../../../src/auth/topic-rule.ts';
import { UserList, type User } from '../../../src/auth/user-list.ts';
import { UserChanges } from '../../../src/broker/user-changes.ts';
import { DEFAULT_TENANT } from '../../../src/tenancy/identity.ts';

const hash = (byte: number) => ({
  ln: 10,
  r: 8,
  p: 1,
  salt: Buffer.alloc(16, byte),
  hash: Buffer.alloc(32, byte),
});

function user(clientName: string, more: Partial<User> & { readonly rule?: string } = {}): User {
  const { rule: text = 'allow all #', ...rest } = more;
  const rule = parseTopicRule(text);
  if ('problem' in rule) throw new Error(rule.problem);
  const proofs = { passwordHash: hash(1), scram: undefined, certificate: false };
  return { tenant: DEFAULT_TENANT, clientName, ...proofs, rules: [rule], ...rest };
}

function names(before: readonly User[], after: readonly User[]): readonly string[] {
  return changedUsers(new UserList(before), new UserList(after)).map(({ clientName }) => clientName);
}

describe('changedUsers', () => {
  it('are those that are gone, new, or another in what they show or may do', () => {
    const scram = { iterations: 4_096, salt: hash(2).salt, storedKey: hash(2).hash, serverKey: hash(2).hash };
    const same = [user('same'), user('with-scram', { scram })];
    const before = ['gone', 'rule', 'password', 'certificate', 'scram'].map((name) => user(name));
    const after = [
      user('new'),
      user('rule', { rule: 'deny all #' }),
      user('password', { passwordHash: hash(3) }),
      user('certificate', { certificate: true }),
      user('scram', { scram }),
    ];
    expect(names([...same, ...before], [...same, ...after])).toEqual([
      ...['gone', 'new', 'rule', 'password', 'certificate', 'scram'],
    ]);
    expect(names([...same, ...before], [...same, ...before].reverse())).toEqual([]);
  });
});

describe('UserChanges', () => {
  it('knows who was changed since, and counts what it has forgotten as changed', () => {
    const changes = new UserChanges();
    const [early, late] = [user('early'), user('late')];
    changes.note(early);
    const heard = changes.heard;
    expect(changes.isSince(early, heard)).toBe(false);
    changes.note(late);
    expect(changes.isSince(late, heard)).toBe(true);
    expect(changes.isSince(late, changes.heard)).toBe(false);
    for (let index = 0; index < 10_000; index++) changes.note(user(`bike-${index}`));
    expect(changes.isSince(user('never'), heard)).toBe(true);
    expect(changes.isSince(user('never'), heard + 1)).toBe(false);
    expect(changes.isSince(late, changes.heard)).toBe(false);
    const before = changes.heard;
    changes.noteAll();
    expect(changes.isSince(user('never'), before)).toBe(true);
    expect(changes.isSince(user('never'), changes.heard)).toBe(false);
  });
});
