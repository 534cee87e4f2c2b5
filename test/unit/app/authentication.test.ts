import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { openAuthentication } from '../../../src/app/authentication.ts';
import { createLogger } from '../../../src/app/logging.ts';
import { formatPasswordHash, hashPassword } from '../../../src/auth/password-hash.ts';
import { DEFAULT_TENANT } from '../../../src/tenancy/identity.ts';
import type { ClientId } from '../../../src/tenancy/identity.ts';

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
  address: '127.0.0.1',
};

afterAll(() => {
  rmSync(directory, { recursive: true });
});

async function userLine(password: string): Promise<string> {
  const hash = await hashPassword(Buffer.from(password), Buffer.alloc(16, 1), { ln: 10, r: 8, p: 1 });
  return `users: { bike: { password: "${formatPasswordHash(hash)}", rules: [allow all a] } }\n`;
}

it('lets everybody in when anonymous, without a users file', async () => {
  const open = await openAuthentication(
    { auth: { mode: 'anonymous', usersFile, scramIterations: 4096 }, tenants },
    logger,
  );
  expect(await open.authenticator.authenticate(credentials)).toMatchObject({ allowed: true });
  open.close();
});

it('does not open without the users file it needs', async () => {
  const missing = {
    auth: { mode: 'file' as const, usersFile: `${usersFile}.missing`, scramIterations: 4096 },
    tenants,
  };
  await expect(openAuthentication(missing, logger)).rejects.toThrow(
    /does not exist\. Run "spoke user add NAME"/,
  );
});

it('forgets a password it remembered as soon as the file has another', async () => {
  writeFileSync(usersFile, await userLine('right'));
  const authentication = await openAuthentication(
    { auth: { mode: 'file', usersFile, scramIterations: 4096 }, tenants },
    logger,
  );
  try {
    const { authenticator } = authentication;
    expect(await authenticator.authenticate(credentials)).toMatchObject({ allowed: true });
    writeFileSync(usersFile, await userLine('changed'));
    await authentication.reload();
    expect(await authenticator.authenticate(credentials)).toMatchObject({ allowed: false });
  } finally {
    authentication.close();
  }
});
