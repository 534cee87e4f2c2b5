import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { parseUsersFile } from '../../../../src/adapters/file/users-file.ts';
import { UsersFileEditor } from '../../../../src/adapters/file/users-file-editor.ts';
import { WatchedUsers } from '../../../../src/adapters/file/watched-users.ts';
import { hashPassword, formatPasswordHash } from '../../../../src/auth/password-hash.ts';
import { parseListedUser, userText } from '../../../../src/auth/user-list.ts';
import type { UserList } from '../../../../src/auth/user-list.ts';
import { DEFAULT_TENANT, type TenantId, type TenantUser } from '../../../../src/tenancy/identity.ts';

const directory = mkdtempSync(join(tmpdir(), 'spoke-users-'));
const passwordHash = await hashPassword(Buffer.from('x'), Buffer.alloc(16, 1), { ln: 10, r: 8, p: 1 });
const hashText = formatPasswordHash(passwordHash);
let file = '';
let files = 0;

beforeEach(() => {
  files++;
  file = join(directory, `users${files}.yaml`);
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

function named(text: string): TenantUser {
  const user = parseListedUser(text, DEFAULT_TENANT);
  if (user === undefined) throw new Error(text);
  return user;
}

function rulesOf(users: UserList, name: string): readonly string[] | undefined {
  return users.find(named(name))?.rules.map((rule) => `${rule.effect} ${rule.action} ${rule.filter}`);
}

function problemsOf(text: string): readonly string[] {
  try {
    parseUsersFile('users.yaml', text, DEFAULT_TENANT);
    return [];
  } catch (error) {
    return String(error instanceof Error ? error.message : error).split('\n');
  }
}

describe('the users file', () => {
  it('gives users without rules those at its top, and without those none', () => {
    const text = `rules: [allow publish a]\nusers:\n  one: {}\n  t/two: { rules: [deny all b] }\n`;
    expect(rulesOf(parseUsersFile(file, text, DEFAULT_TENANT), 'one')).toEqual(['allow publish a']);
    expect(rulesOf(parseUsersFile(file, text, DEFAULT_TENANT), 't/two')).toEqual(['deny all b']);
    expect(rulesOf(parseUsersFile(file, 'users: { one: {} }', DEFAULT_TENANT), 'one')).toEqual([]);
  });

  it('names users of the default tenant with or without it, and without a default tenant every one with its tenant', () => {
    const acme = 'acme' as TenantId;
    const users = parseUsersFile(file, 'users: { one: {}, default/two: {} }', acme);
    expect([...users].map(userText)).toEqual(['acme/one', 'default/two']);
    expect(() => parseUsersFile(file, 'users: { one: {}, acme/one: {} }', acme)).toThrow(
      'NAME and acme/NAME are one user',
    );
    expect(() => parseUsersFile(file, 'users: { one: {} }', undefined)).toThrow(
      'Write TENANT/NAME, as defaultTenant is empty',
    );
  });

  it('may be empty', () => {
    expect(parseUsersFile(file, '', DEFAULT_TENANT).size).toBe(0);
    expect(parseUsersFile(file, 'users:\n', DEFAULT_TENANT).size).toBe(0);
  });

  it('is refused as a whole, each problem with its place', () => {
    const text = [
      'users:',
      '  one:',
      '    password: hunter2',
      '  two: { rules: [allow everything] }',
      '  three: { certifcate: true }',
    ].join('\n');
    expect(problemsOf(text)).toEqual([
      'users.yaml:3:5: users.one.password: is not a hash of the form $scrypt$ln=15,r=8,p=1$salt$hash or $argon2id$v=19$m=19456,t=2,p=1$salt$hash. Set it with "spoke user passwd NAME"; the file never holds a password itself.',
      'users.yaml:4:18: users.two.rules[0]: "allow everything" is not of the form "allow|deny publish|subscribe|all FILTER". Write for example "allow all devices/%c/#".',
      'users.yaml:5:12: users.three.certifcate: is not a known key. Did you mean "certificate"?',
    ]);
  });

  it('takes SCRAM credentials only beside a secret for the salts of those who have none', () => {
    const scram = `SCRAM-SHA-256$4096:${'A'.repeat(22)}==$${'A'.repeat(43)}=:${'A'.repeat(43)}=`;
    const scramSecret = Buffer.alloc(32, 1).toString('base64');
    const users = { one: { scram } };
    expect(problemsOf(JSON.stringify({ users }))).toEqual([expect.stringContaining('needs a scramSecret')]);
    expect(problemsOf(JSON.stringify({ users, scramSecret: 'short' }))).toEqual([
      expect.stringContaining('not base64 of 16 random bytes'),
    ]);
    expect(problemsOf(JSON.stringify({ users: { one: { scram: 'hunter2' } } })).join('')).not.toContain(
      'hunter2',
    );
    const list = parseUsersFile(file, JSON.stringify({ users, scramSecret }), DEFAULT_TENANT);
    expect(list.scramSecret).toEqual(Buffer.alloc(32, 1));
    expect(list.find(named('one'))?.scram).toMatchObject({ iterations: 4096 });
  });

  it('never repeats what may be a password in clear', () => {
    expect(problemsOf('users: { one: { password: 4711 } }').join('')).not.toContain('4711');
    expect(problemsOf('users: { one: { password: hunter2 } }').join('')).not.toContain('hunter2');
  });

  it('refuses names that could break out of a rule, and one user under two names', () => {
    expect(problemsOf('users: { "a/b/c": {} }')).toEqual([expect.stringContaining('is not a user name')]);
    expect(problemsOf('users: { "+": {} }')).toEqual([expect.stringContaining('is not a user name')]);
    expect(problemsOf('users: { one: {}, default/one: {} }')).toEqual([
      expect.stringContaining('listed twice'),
    ]);
  });
});

describe('UsersFileEditor', () => {
  const newUser = { passwordHash, scram: undefined, certificate: false, rules: undefined };

  it('creates a private file and says which rights were given', async () => {
    const rights = await new UsersFileEditor(file, DEFAULT_TENANT).add({
      ...newUser,
      user: named('acme/one'),
    });
    expect(rights).toEqual(['allow all #']);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(rulesOf(parseUsersFile(file, readFileSync(file, 'utf8'), DEFAULT_TENANT), 'acme/one')).toEqual([
      'allow all #',
    ]);
  });

  it('keeps comments and leaves rules to the top of the file where there are some', async () => {
    writeFileSync(file, '# our fleet\nrules:\n  - allow all devices/%c/#\nusers:\n  one: {} # the first\n');
    const editor = new UsersFileEditor(file, DEFAULT_TENANT);
    expect(await editor.add({ ...newUser, user: named('two') })).toBeUndefined();
    await editor.setPassword(named('default/one'), passwordHash, undefined);
    const text = readFileSync(file, 'utf8');
    expect(text).toContain('# our fleet');
    expect(text).toContain(`password: ${hashText}`);
    const users = parseUsersFile(file, text, DEFAULT_TENANT);
    expect([...users].map(userText)).toEqual(['default/one', 'default/two']);
    expect(users.find(named('one'))?.passwordHash).toEqual(passwordHash);
    await editor.remove(named('one'));
    expect([...parseUsersFile(file, readFileSync(file, 'utf8'), DEFAULT_TENANT)].map(userText)).toEqual([
      'default/two',
    ]);
  });

  it('changes nothing when the edit is refused, and leaves no lock behind', async () => {
    const editor = new UsersFileEditor(file, DEFAULT_TENANT);
    await editor.add({ ...newUser, user: named('one') });
    const before = readFileSync(file, 'utf8');
    await expect(editor.add({ ...newUser, user: named('default/one') })).rejects.toThrow(/already/);
    await expect(editor.remove(named('two'))).rejects.toThrow(/spoke user list/);
    await expect(editor.add({ ...newUser, user: named('two'), rules: ['nonsense'] })).rejects.toThrow(
      /not of the form/,
    );
    expect(readFileSync(file, 'utf8')).toBe(before);
    expect(readdirSync(directory).filter((name) => name.endsWith('.new'))).toEqual([]);
  });

  it('replaces weak password hashes, those only that are still the ones it was told of', async () => {
    const editor = new UsersFileEditor(file, DEFAULT_TENANT);
    const other = await hashPassword(Buffer.from('x'), Buffer.alloc(16, 2), { ln: 11, r: 8, p: 1 });
    const user = (name: string) => ({
      user: named(name),
      scram: undefined,
      certificate: false,
      rules: undefined,
    });
    await editor.add({ ...user('weak'), passwordHash });
    await editor.add({ ...user('changed'), passwordHash: other });
    const upgrades = ['default/weak', 'changed', 'removed'].map((name) => ({
      user: named(name),
      from: passwordHash,
      to: other,
    }));
    expect(await editor.upgradePasswords(upgrades)).toBe(1);
    const users = parseUsersFile(file, readFileSync(file, 'utf8'), DEFAULT_TENANT);
    expect(users.find(named('weak'))?.passwordHash).toEqual(other);
    expect(users.size).toBe(2);
  });

  it('refuses a second writer instead of losing its edit', async () => {
    writeFileSync(`${file}.new`, '');
    await expect(
      new UsersFileEditor(file, DEFAULT_TENANT).add({ ...newUser, user: named('one') }),
    ).rejects.toThrow(/another edit is going on/);
  });
});

describe('WatchedUsers', () => {
  it('takes over a changed file, and keeps the list when the file cannot be used', async () => {
    writeFileSync(file, 'users: { one: {} }');
    const reloads: number[] = [];
    const problems: string[] = [];
    const watched = await WatchedUsers.open({
      file,
      defaultTenant: DEFAULT_TENANT,
      checkEveryMs: 3_600_000,
      onReload: (users) => reloads.push(users.size),
      onProblem: (error) => problems.push(error.message),
    });
    try {
      await watched.check();
      expect(reloads).toEqual([]);
      writeFileSync(file, 'users: { one: {}, two: {} }');
      await watched.check();
      expect(reloads).toEqual([2]);
      writeFileSync(file, 'users: [');
      await watched.check();
      rmSync(file);
      await watched.check();
      expect(problems).toEqual([expect.stringContaining(':1:'), expect.stringContaining('does not exist')]);
      expect(watched.users.size).toBe(2);
      writeFileSync(file, 'users: {}');
      await watched.check();
      expect(watched.users.size).toBe(0);
    } finally {
      watched.close();
    }
  });

  it('notices a change by itself', async () => {
    writeFileSync(file, '');
    const changed = new Promise<UserList>((onReload, onProblem) => {
      void WatchedUsers.open({
        file,
        defaultTenant: DEFAULT_TENANT,
        checkEveryMs: 5,
        onReload,
        onProblem,
      }).then((watched) => {
        writeFileSync(file, 'users: { one: {} }');
        void changed.finally(() => {
          watched.close();
        });
      });
    });
    // The timer does not keep a process alive; this test has to.
    const alive = setInterval(() => undefined, 1000);
    expect((await changed).size).toBe(1);
    clearInterval(alive);
  });

  it('does not open without a file', async () => {
    const watching = { file, defaultTenant: DEFAULT_TENANT, checkEveryMs: 1000 };
    const options = { ...watching, onReload: () => undefined, onProblem: () => undefined };
    await expect(WatchedUsers.open(options)).rejects.toThrow(/does not exist\. Run "spoke user add NAME"/);
  });
});
