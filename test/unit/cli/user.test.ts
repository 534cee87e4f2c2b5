import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseUsersFile } from '../../../src/adapters/file/users-file.ts';
import { parsePasswordHash, verifyPassword } from '../../../src/auth/password-hash.ts';
import { deriveScramCredentials } from '../../../src/auth/scram-credentials.ts';
import { parseListedUser, type User } from '../../../src/auth/user-list.ts';
import { DEFAULT_TENANT } from '../../../src/tenancy/identity.ts';
import { CliHarness } from './cli-harness.ts';

let directory: string;
let file: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'spoke-user-'));
  file = join(directory, 'users.yaml');
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

function spoke(stdin: string, ...args: readonly string[]) {
  return new CliHarness({ directory, stdin, environment: { SPOKE_AUTH_MODE: 'file' } }).run('user', ...args);
}

function listed(name: string): User {
  const named = parseListedUser(name, DEFAULT_TENANT);
  const user = named && parseUsersFile(file, readFileSync(file, 'utf8'), DEFAULT_TENANT).find(named);
  if (user === undefined) throw new Error(`${name} is not listed`);
  return user;
}

async function accepts(name: string, password: string): Promise<boolean> {
  const user = parseListedUser(name, DEFAULT_TENANT);
  const listed = user && parseUsersFile(file, readFileSync(file, 'utf8'), DEFAULT_TENANT).find(user);
  return listed?.passwordHash !== undefined && verifyPassword(Buffer.from(password), listed.passwordHash);
}

describe('spoke user', () => {
  it('adds a user whose password no file holds', async () => {
    const { code, out } = await spoke('s3cret\n', 'add', 'default/bike-7', '--password-stdin');
    expect({ code, out }).toEqual({ code: 0, out: `default/bike-7: added to ${file} with allow all #\n` });
    expect(readFileSync(file, 'utf8')).not.toContain('s3cret');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(await accepts('bike-7', 's3cret')).toBe(true);
    expect(await accepts('bike-7', 's3cret\n')).toBe(false);
  });

  it('takes a name without a tenant for one of the default tenant, and for nobody’s where there is none', async () => {
    const inTenant = (defaultTenant: string, ...args: readonly string[]) =>
      new CliHarness({ directory, environment: { SPOKE_DEFAULT_TENANT: defaultTenant } }).run(
        'user',
        ...args,
      );
    expect(await inTenant('acme', 'add', 'badge', '--certificate')).toMatchObject({
      out: `acme/badge: added to ${file} with allow all #\n`,
    });
    writeFileSync(file, 'users: { badge: {} }');
    expect((await inTenant('acme', 'list')).out).toContain('acme/badge');
    expect((await inTenant('acme', 'remove', 'acme/badge')).out).toContain('acme/badge: removed');
    expect(await inTenant('', 'add', 'badge', '--certificate')).toMatchObject({
      code: 2,
      err: expect.stringContaining('use TENANT/NAME, as defaultTenant is empty') as string,
    });
  });

  it('hashes long random passwords at a lower cost when told to', async () => {
    await spoke('9f1c0a7be2', 'add', 'bike-7', '--password-stdin', '--cost', '10');
    expect(readFileSync(file, 'utf8')).toContain('$scrypt$ln=10,r=8,p=1$');
    expect(await accepts('bike-7', '9f1c0a7be2')).toBe(true);
    expect((await spoke('p', 'add', 'bike-8', '--password-stdin', '--cost', '9')).code).toBe(2);
  });

  it.each([
    [[], 'Name one user, or a tenant'],
    [['bike-7', '--tenant', 'acme'], 'Name one user, or a tenant'],
    [['a/b/c'], '"a/b/c" is no user name'],
    [['--tenant', 'a/b'], '"a/b" is no tenant'],
    [['--tenant', 'acme'], 'auth.cache.redis is not enabled'],
  ])('changed %o is told to nobody: %s', async (args, expected) => {
    const { code, err } = await spoke('', 'changed', ...args);
    expect({ code, isSaid: err.includes(expected) }).toEqual({ code: 2, isSaid: true });
  });

  it('hashes as the configuration says', async () => {
    const passwords = { algorithm: 'argon2id', argon2MemoryKib: 1_024, argon2Passes: 1 };
    writeFileSync(join(directory, 'spokemq.yaml'), JSON.stringify({ auth: { passwords } }));
    expect((await spoke('p', 'add', 'bike-7', '--password-stdin')).code).toBe(0);
    expect(readFileSync(file, 'utf8')).toContain('$argon2id$v=19$m=1024,t=1,p=1$');
  });

  it('prints a hash for users who are kept elsewhere, and writes no file', async () => {
    const { code, out } = await spoke('s3cret\n', 'hash', '--password-stdin', '--cost', '10');
    expect(code).toBe(0);
    const hash = parsePasswordHash(out.trim());
    expect(hash && (await verifyPassword(Buffer.from('s3cret'), hash))).toBe(true);
    expect(existsSync(file)).toBe(false);
  });

  it('gives the rights that were named', async () => {
    const rules = ['--rule', 'deny all x', 'allow publish devices/%c/#', '--rule', 'allow subscribe a'];
    await spoke('p', 'add', 'bike-7', '--password-stdin', ...rules);
    expect(JSON.parse((await spoke('', 'list', '--json')).out)).toEqual([
      {
        name: 'default/bike-7',
        password: true,
        scram: false,
        certificate: false,
        rules: ['deny all x', 'allow publish devices/%c/#', 'allow subscribe a'],
      },
    ]);
  });

  it('adds who only has a certificate without asking for a password', async () => {
    expect((await spoke('', 'add', 'badge', '--certificate')).code).toBe(0);
    expect((await spoke('', 'list')).out).toMatch(/^default\/badge +certificate +allow all #$/m);
  });

  it('changes a password and removes a user', async () => {
    await spoke('old', 'add', 'bike-7', '--password-stdin');
    expect((await spoke('new', 'passwd', 'bike-7', '--password-stdin')).code).toBe(0);
    expect([await accepts('bike-7', 'old'), await accepts('bike-7', 'new')]).toEqual([false, true]);
    expect((await spoke('', 'remove', 'bike-7')).code).toBe(0);
    expect((await spoke('', 'list', '--json')).out).toBe('[]\n');
    expect(await spoke('', 'remove', 'bike-7')).toMatchObject({
      code: 1,
      err: expect.stringContaining('spoke user list') as unknown,
    });
  });

  it('lets a user log in by SCRAM too when told to, and keeps both with one password', async () => {
    await spoke('old', 'add', 'bike-7', '--password-stdin', '--scram');
    const before = listed('bike-7');
    expect((await spoke('', 'list')).out).toMatch(/^default\/bike-7 +password, scram +allow all #$/m);
    await spoke('new', 'passwd', 'bike-7', '--password-stdin');
    const after = listed('bike-7');
    expect(after.scram?.iterations).toBe(4096);
    expect(after.scram?.salt).not.toEqual(before.scram?.salt);
    expect(await deriveScramCredentials('new', after.scram?.salt ?? Buffer.alloc(0), 4096)).toEqual(
      after.scram,
    );
    const secret = parseUsersFile(file, readFileSync(file, 'utf8'), DEFAULT_TENANT).scramSecret;
    expect(secret).toHaveLength(32);
    await spoke('p', 'add', 'bike-8', '--password-stdin', '--scram');
    expect(parseUsersFile(file, readFileSync(file, 'utf8'), DEFAULT_TENANT).scramSecret).toEqual(secret);
    expect((await spoke('a\u0007', 'add', 'bike-9', '--password-stdin', '--scram')).code).toBe(2);
  });

  it('lists nobody when there is no file yet', async () => {
    expect((await spoke('', 'list', '--json')).out).toBe('[]\n');
  });

  it.each([
    [['add', 'a/b/c', '--password-stdin'], 'no user name'],
    [['add', 'bike', '--password-stdin', '--rule', 'everything'], 'not of the form'],
    [['add', 'bike'], 'use --password-stdin'],
  ])('exits with 2 for %j', async (args, problem) => {
    expect(await spoke('p', ...args)).toMatchObject({
      code: 2,
      err: expect.stringContaining(problem) as unknown,
    });
  });

  it('refuses an empty password', async () => {
    expect(await spoke('\n', 'add', 'bike', '--password-stdin')).toMatchObject({ code: 2 });
  });

  it('names the place when the file was broken by hand', async () => {
    writeFileSync(file, 'users:\n  one: { pasword: x }\n');
    const { code, err } = await spoke('p', 'add', 'two', '--password-stdin');
    expect(code).toBe(2);
    expect(err).toContain(`${file}:2:10: users.one.pasword: is not a known key. Did you mean "password"?`);
  });

  it('reminds of what is missing before anybody is asked for a password', async () => {
    const cli = new CliHarness({ directory, stdin: 'p' });
    const { err } = await cli.run('user', 'add', 'acme/bike', '--password-stdin');
    expect(err).toContain('set auth.mode to "file"');
    expect(err).toContain('Tenant "acme" is not in the configuration');
  });
});
