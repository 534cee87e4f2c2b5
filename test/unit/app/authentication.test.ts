import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it, vi } from 'vitest';
import { openAuthentication, type Authentication } from '../../../src/app/authentication.ts';
import { configSchema, type SpokeConfig } from '../../../src/app/config-schema.ts';
import { createLogger } from '../../../src/app/logging.ts';
import { formatPasswordHash, hashPassword } from '../../../src/auth/password-hash.ts';
import type { Credentials } from '../../../src/auth/authenticator.ts';
import { DEFAULT_TENANT, parseTenantId } from '../../../src/tenancy/identity.ts';
import type { ClientId } from '../../../src/tenancy/identity.ts';
import { TenantDirectory } from '../../../src/tenancy/tenant-directory.ts';
import { ManualTimers } from '../../support/manual-timers.ts';
import type { BrokerSettings } from '../../support/running-broker.ts';

const directory = mkdtempSync(join(tmpdir(), 'spoke-authentication-'));
const usersFile = join(directory, 'users.yaml');
const logger = createLogger(
  { level: 'silent', format: 'json' },
  { isTerminal: false, write: () => undefined },
);
const tenants = [DEFAULT_TENANT];
const credentials = {
  tenant: DEFAULT_TENANT,
  clientName: 'bike',
  clientId: 'bike-7' as ClientId,
  password: Buffer.from('right'),
  certificateName: undefined,
  defaultTenant: DEFAULT_TENANT,
  address: '127.0.0.1',
  level: 5 as const,
};

afterAll(() => {
  rmSync(directory, { recursive: true });
});

async function userLine(password: string): Promise<string> {
  const hash = await hashPassword(Buffer.from(password), Buffer.alloc(16, 1), { ln: 10, r: 8, p: 1 });
  return `users: { bike: { password: "${formatPasswordHash(hash)}", rules: [allow all a] } }\n`;
}

function settings(auth: BrokerSettings['auth']): Pick<SpokeConfig, 'auth' | 'tenants' | 'defaultTenant'> {
  return { ...configSchema.parse({ auth: { usersFile, ...auth } }), tenants };
}

function open(auth: BrokerSettings['auth'], timers = new ManualTimers()): Promise<Authentication> {
  return openAuthentication(settings(auth), new TenantDirectory(tenants), logger, { clock: timers, timers });
}

it('lets everybody in when anonymous, without a users file', async () => {
  const authentication = await open({ mode: 'anonymous' });
  expect(await authentication.authenticator.authenticate(credentials)).toMatchObject({ allowed: true });
  await authentication.close();
});

it('does not open without the users file it needs', async () => {
  await expect(open({ mode: 'file', usersFile: `${usersFile}.missing` })).rejects.toThrow(
    /does not exist\. Run "spoke user add NAME"/,
  );
});

it('forgets a password it remembered as soon as the file has another', async () => {
  writeFileSync(usersFile, await userLine('right'));
  const authentication = await open({ mode: 'file', passwords: { upgradeOnLogin: false } });
  try {
    const { authenticator } = authentication;
    expect(await authenticator.authenticate(credentials)).toMatchObject({ allowed: true });
    writeFileSync(usersFile, await userLine('changed'));
    await authentication.reload();
    expect(await authenticator.authenticate(credentials)).toMatchObject({ allowed: false });
  } finally {
    await authentication.close();
  }
});

it.each([
  ['more rounds of scrypt', { scryptLn: 11 }, /\$scrypt\$ln=11,r=8,p=1\$/],
  [
    'Argon2id',
    { algorithm: 'argon2id', argon2MemoryKib: 1_024, argon2Passes: 1 },
    /\$argon2id\$v=19\$m=1024,t=1,p=1\$/,
  ],
] as const)(
  'gives a user who logs in %s when that is what new passwords get',
  async (_what, passwords, expected) => {
    writeFileSync(usersFile, `# kept\n${await userLine('right')}`);
    const timers = new ManualTimers();
    const authentication = await open({ mode: 'file', passwords }, timers);
    try {
      const { authenticator } = authentication;
      expect(
        await authenticator.authenticate({ ...credentials, password: Buffer.from('wrong') }),
      ).toMatchObject({
        allowed: false,
      });
      expect(timers.count).toBe(0);
      expect(await authenticator.authenticate(credentials)).toMatchObject({ allowed: true });
      await vi.waitFor(() => {
        expect(timers.count).toBe(1);
      });
      timers.advance(1_000);
      await vi.waitFor(() => {
        expect(readFileSync(usersFile, 'utf8')).toMatch(expected);
      });
      expect(readFileSync(usersFile, 'utf8')).toContain('# kept');
      await authentication.reload();
      expect(await authenticator.authenticate(credentials)).toMatchObject({ allowed: true });
      expect(timers.count).toBe(0);
    } finally {
      await authentication.close();
    }
  },
);

it('lets the process end at once, also when a weak hash waits to be replaced', async () => {
  writeFileSync(usersFile, await userLine('right'));
  const timers = new ManualTimers();
  const authentication = await open({ mode: 'file', passwords: { scryptLn: 11 } }, timers);
  expect(await authentication.authenticator.authenticate(credentials)).toMatchObject({ allowed: true });
  await vi.waitFor(() => {
    expect(timers.count).toBe(1);
  });
  await authentication.close();
  expect(timers.count).toBe(0);
});

it('shows who is kept out on the metrics page', async () => {
  writeFileSync(usersFile, await userLine('right'));
  const authentication = await open({ mode: 'file', lockOut: { userFailures: 2 } });
  try {
    const wrong = { ...credentials, password: Buffer.from('wrong') };
    for (let guess = 0; guess < 3; guess++) await authentication.authenticator.authenticate(wrong);
    const value = (name: string) => authentication.gauges.find((gauge) => gauge.name === name)?.read();
    expect(value('spoke_logins_failed_total')).toBe(2);
    expect(value('spoke_lock_outs_total')).toBe(1);
    expect(value('spoke_logins_locked_out_total')).toBe(1);
  } finally {
    await authentication.close();
  }
});

it('asks every tenant’s chain, and says which authenticators those are', async () => {
  writeFileSync(usersFile, await userLine('right'));
  const acme = parseTenantId('acme');
  if (acme === undefined) throw new Error('acme');
  const config = {
    ...settings({
      mode: 'chain',
      chain: ['file', 'anonymous'],
      tenantChains: [{ tenant: 'acme', chain: ['certificate'] }],
      certificateRules: ['allow all devices/%c/#'],
      anonymousRules: ['allow subscribe public/#'],
    }),
    tenants: [DEFAULT_TENANT, acme],
  };
  const timers = new ManualTimers();
  const authentication = await openAuthentication(config, new TenantDirectory(config.tenants), logger, {
    clock: timers,
    timers,
  });
  const ask = (changes: Partial<Credentials>) =>
    authentication.authenticator.authenticate({ ...credentials, ...changes });
  const guest = { clientName: '', password: undefined };
  try {
    expect(await ask({})).toMatchObject({ allowed: true, principal: { verified: true } });
    expect(await ask({ password: Buffer.from('wrong') })).toMatchObject({ allowed: false });
    expect(await ask({ clientName: 'stranger' })).toMatchObject({ allowed: false });
    expect(await ask(guest)).toMatchObject({ allowed: true, principal: { clientName: '' } });
    expect(await ask({ ...guest, tenant: acme })).toMatchObject({ allowed: false });
    const badge = { ...guest, tenant: acme, certificateName: 'acme/badge' };
    expect(await ask(badge)).toMatchObject({ allowed: true, principal: { clientName: 'badge' } });
  } finally {
    await authentication.close();
  }
});
