import { chmod, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { adminTokenFile, ensureAdminToken } from '../../../src/adapters/file/admin-token.ts';
import { principalOfToken } from '../../../src/admin/access.ts';
import { AdminTokens } from '../../../src/app/admin-tokens.ts';
import { configSchema } from '../../../src/app/config-schema.ts';
import { ruleViolations } from '../../../src/app/config-rules.ts';

const SECRET = 'a-secret-of-this-test-of-forty-characters';

let directory: string;
let file: string;
let errors: unknown[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'spoke-tokens-'));
  file = join(directory, 'ops');
  errors = [];
  await writeFile(file, `${SECRET}\n`, { mode: 0o600 });
});
afterEach(() => rm(directory, { recursive: true }));

function settings(tokens: readonly object[]) {
  return configSchema.parse({ dataDirectory: join(directory, 'data'), admin: { tokens } });
}

const OPS = { name: 'ops', role: 'viewer', tenant: 'city' };

async function open(...tokens: readonly object[]): Promise<AdminTokens> {
  return await AdminTokens.open(settings(tokens.length > 0 ? tokens : [{ ...OPS, tokenFile: file }]), {
    info: () => undefined,
    error: (fields: object) => errors.push(fields),
  } as never);
}

function principalOf(tokens: AdminTokens, token: string) {
  return principalOfToken(`Bearer ${token}`, tokens.list());
}

describe('admin.tokens', () => {
  it('say who asks; the token that the broker made is of everything', async () => {
    const tokens = await open();
    expect(principalOf(tokens, SECRET)).toEqual({ name: 'ops', role: 'viewer', tenant: 'city' });
    const local = await ensureAdminToken(join(directory, 'data'));
    expect(principalOf(tokens, local)).toEqual({ name: 'local', role: 'admin', tenant: undefined });
    expect(() => principalOf(tokens, `${SECRET}x`)).toThrow('the token is wrong');
  });

  it('are beside a file that nobody else reads, in a directory that others cannot look into', async () => {
    await open();
    // The process may be told to give even less.
    const givenTo = async (path: string, others: number) => (await stat(path)).mode & others;
    expect(await givenTo(join(directory, 'data'), 0o027)).toBe(0);
    expect(await givenTo(adminTokenFile(join(directory, 'data')), 0o077)).toBe(0);
  });

  it('are read again, and stay as they were when that fails', async () => {
    const tokens = await open();
    const next = SECRET.toUpperCase();
    await writeFile(file, next);
    await tokens.reload();
    expect(principalOf(tokens, next).name).toBe('ops');
    expect(() => principalOf(tokens, SECRET)).toThrow();
    await writeFile(file, 'short');
    await tokens.reload();
    expect(errors).toHaveLength(1);
    expect(principalOf(tokens, next).name).toBe('ops');
  });

  it.each([
    ['others may read', 0o604, SECRET, /chmod 600/],
    ['others may write', 0o602, SECRET, /chmod 600/],
    ['the group may write', 0o620, SECRET, /chmod 600/],
    ['holds two words', 0o600, `${SECRET} ${SECRET}`, /more than one word/],
    ['holds something short', 0o600, 'hunter2', /less than 32 characters/],
    ['holds a book', 0o600, 'x'.repeat(5_000), /more than 4096 bytes/],
  ])('refuse a file that %s, without saying what is in it', async (_what, mode, text, message) => {
    await writeFile(file, text);
    await chmod(file, mode);
    await expect(open()).rejects.toThrow(message);
    await expect(open()).rejects.not.toThrow(text);
  });

  it('may be read by the group: so are secrets mounted', async () => {
    await chmod(file, 0o440);
    expect(principalOf(await open(), SECRET).name).toBe('ops');
  });

  it('refuse one token for two, a name that is taken, and the name of the broker’s own', async () => {
    const two = [
      { ...OPS, tokenFile: file },
      { ...OPS, name: 'other', tokenFile: file },
    ];
    await expect(open(...two)).rejects.toThrow(/same token/);
    const same = ruleViolations(settings([two[0]!, { ...two[1], name: 'ops' }]));
    expect(same).toMatchObject([{ path: ['admin', 'tokens', 1, 'name'] }]);
    expect(() => settings([{ ...OPS, name: 'local', tokenFile: file }])).toThrow(/broker makes/);
    expect(() => settings([{ ...OPS, role: 'root', tokenFile: file }])).toThrow();
  });
});
