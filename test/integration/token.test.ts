/** Clients that log in with a token, over MQTT: let in with what it says, and sent away when it ends. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { formatPasswordHash, hashPassword } from '../../src/auth/password-hash.ts';
import { REASON } from '../../src/mqtt/reason-code.ts';
import { RunningBroker } from '../support/running-broker.ts';
import { publishPacket } from './support/exchanges.ts';

const SECRET = 'a shared secret of more than 32 bytes';
let broker: RunningBroker;

beforeAll(async () => {
  broker = await RunningBroker.start({
    tenants: ['default', 'acme'],
    auth: {
      mode: 'chain',
      chain: ['jwt'],
      jwt: { secret: SECRET, clockToleranceS: 0, rules: ['allow all devices/%u/#'] },
    },
  });
});
afterAll(() => broker.dispose());

function token(claims: Readonly<Record<string, unknown>>, lifeS: number): Promise<string> {
  const exp = Math.floor(Date.now() / 1000) + lifeS;
  return new SignJWT({ tenant: 'acme', exp, ...claims })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(Buffer.from(SECRET));
}

async function connect(level: 4 | 5, password: string, username = 'acme/bike-7') {
  return await broker.connect(
    { level },
    { clientId: `c${level}`, username, password: Buffer.from(password) },
  );
}

test('names without a tenant are of the configured default tenant: in CONNECT, in the users file, in tokens', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'spoke-default-tenant-'));
  const usersFile = join(directory, 'users.yaml');
  const hash = await hashPassword(Buffer.from('right'), Buffer.alloc(16, 1), { ln: 10, r: 8, p: 1 });
  const password = formatPasswordHash(hash);
  writeFileSync(usersFile, JSON.stringify({ users: { bike: { password, rules: ['allow all %t/#'] } } }));
  const ofAcme = await RunningBroker.start({
    tenants: ['default', 'acme'],
    defaultTenant: 'acme',
    auth: {
      mode: 'chain',
      chain: ['file', 'jwt'],
      usersFile,
      jwt: { secret: SECRET, rules: ['allow all %t/#'] },
    },
  });
  try {
    const tenantless = await token({ tenant: undefined, sub: 'bike-7' }, 60);
    for (const [username, secret] of [
      ['bike', 'right'],
      ['acme/bike', 'right'],
      ['bike-7', tenantless],
    ] as const) {
      const { client, connack } = await ofAcme.connect(
        { level: 5 },
        { clientId: username.replace('/', '-'), username, password: Buffer.from(secret) },
      );
      expect(connack.reasonCode, username).toBe(0);
      client.send(publishPacket({ topic: 'acme/x', qos: 1, messageId: 1 }));
      expect((await client.expect('puback')).reasonCode, username).not.toBe(REASON.notAuthorized);
    }
  } finally {
    await ofAcme.dispose();
    rmSync(directory, { recursive: true });
  }
});

describe.each([4, 5] as const)('MQTT level %i: a token', (level) => {
  it('lets its holder in, as nobody else', async () => {
    const password = await token({ sub: 'bike-7' }, 60);
    const { connack } = await connect(level, password);
    expect(connack.reasonCode ?? connack.returnCode).toBe(0);
    const other = await connect(level, password, 'acme/bike-8');
    expect(other.connack.reasonCode ?? other.connack.returnCode).not.toBe(0);
  });

  it('ends its connection with itself', async () => {
    const { client, connack } = await connect(level, await token({ sub: 'bike-7' }, 4));
    expect(connack.reasonCode ?? connack.returnCode).toBe(0);
    if (level === 5) expect((await client.expect('disconnect')).reasonCode).toBe(REASON.maximumConnectTime);
    await client.closed();
  });

  it('that has ended, or that somebody else signed, lets nobody in', async () => {
    const ended = await connect(level, await token({ sub: 'bike-7' }, -1));
    const forged = await connect(level, `${await token({ sub: 'bike-7' }, 60)}x`);
    for (const { connack } of [ended, forged])
      expect(connack.reasonCode ?? connack.returnCode).toBe(level === 5 ? REASON.badUserNameOrPassword : 4);
  });
});
