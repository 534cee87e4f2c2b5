import { describe, expect, it, vi } from 'vitest';
import { AnonymousAuthenticator } from '../../../src/auth/anonymous-authenticator.ts';
import type { AuthResult, Credentials } from '../../../src/auth/authenticator.ts';
import { AuthenticatorChain } from '../../../src/auth/authenticator-chain.ts';
import { hashPassword } from '../../../src/auth/password-hash.ts';
import { PASSWORD_VERIFIER_DEFAULTS, PasswordVerifier } from '../../../src/auth/password-verifier.ts';
import { parseTopicRule } from '../../../src/auth/topic-rule.ts';
import type { TopicRule } from '../../../src/auth/topic-rule.ts';
import { hashInVain, UserAuthenticator } from '../../../src/auth/user-authenticator.ts';
import { UserList } from '../../../src/auth/user-list.ts';
import { REASON } from '../../../src/mqtt/reason-code.ts';
import { DEFAULT_TENANT, parseTenantId } from '../../../src/tenancy/identity.ts';
import type { ClientId, TenantId } from '../../../src/tenancy/identity.ts';

const acme = tenant('acme');
const closed = tenant('closed');
const CHEAP = { ln: 10, r: 8, p: 1 };
const passwordHash = await hashPassword(Buffer.from('right'), Buffer.alloc(16, 1), CHEAP);
const decoy = await hashPassword(Buffer.from('decoy'), Buffer.alloc(16, 2), CHEAP);

function tenant(name: string): TenantId {
  const parsed = parseTenantId(name);
  if (parsed === undefined) throw new Error(name);
  return parsed;
}

function rule(text: string): TopicRule {
  const parsed = parseTopicRule(text);
  if ('problem' in parsed) throw new Error(parsed.problem);
  return parsed;
}

const known = {
  tenant: acme,
  clientName: 'bike',
  passwordHash: undefined,
  scram: undefined,
  certificate: false,
  rules: [],
};

const users = new UserList([
  {
    tenant: acme,
    clientName: 'bike',
    passwordHash,
    scram: undefined,
    certificate: false,
    rules: [rule('allow all devices/%c/#')],
  },
  {
    tenant: acme,
    clientName: 'badge',
    passwordHash: undefined,
    scram: undefined,
    certificate: true,
    rules: [rule('allow all #')],
  },
  {
    tenant: closed,
    clientName: 'bike',
    passwordHash,
    scram: undefined,
    certificate: true,
    rules: [rule('allow all #')],
  },
]);

const verifier = new PasswordVerifier({ ...PASSWORD_VERIFIER_DEFAULTS, cacheKey: Buffer.alloc(32) });
const listed = new UserAuthenticator({ name: 'file', find: (user) => users.find(user), verifier, decoy });
const authenticator = new AuthenticatorChain({
  chainOf: (tenant) => ([DEFAULT_TENANT, acme].includes(tenant) ? [listed] : []),
  hashInVain: (credentials) => hashInVain(credentials, { verifier, decoy }),
  onUnavailable: (_name, error) => {
    throw error;
  },
});

const CREDENTIALS: Credentials = {
  tenant: acme,
  clientName: 'bike',
  clientId: 'bike-7' as ClientId,
  password: undefined,
  certificateName: undefined,
  defaultTenant: DEFAULT_TENANT,
  address: '127.0.0.1',
  level: 5,
};

function login(credentials: Partial<Credentials> & { readonly secret?: string }): Promise<AuthResult> {
  const { secret, ...rest } = credentials;
  const password = secret === undefined ? undefined : Buffer.from(secret);
  return authenticator.authenticate({ ...CREDENTIALS, password, ...rest });
}

function outcome(result: AuthResult): number {
  return result.allowed ? REASON.success : result.reasonCode;
}

describe('users of a list by password', () => {
  it('lets a listed user in with the rights of its rules', async () => {
    const result = await login({ secret: 'right' });
    if (!result.allowed) throw new Error(result.detail);
    expect(result.principal).toMatchObject({ tenant: 'acme', clientName: 'bike' });
    expect(result.principal.mayPublish('devices/bike-7/gps', 0, false)).toBe(true);
    expect(result.principal.mayPublish('devices/bike-8/gps', 0, false)).toBe(false);
  });

  it.each(['', '+', '#', 'a/b', '$SYS', 'a+', 'line\nfeed', 'x'.repeat(257)])(
    'asks no source about %j: nobody has a name that may mean more than itself',
    async (clientName) => {
      const find = vi.fn(() => ({
        ...known,
        clientName,
        passwordHash,
        rules: [rule('allow all devices/%u/#')],
      }));
      const source = new UserAuthenticator({ name: 'mysql', find, verifier, decoy });
      const credentials = { ...CREDENTIALS, clientName, password: Buffer.from('right') };
      expect(await source.ask(credentials)).toBeUndefined();
      expect(find).not.toHaveBeenCalled();
    },
  );

  it('gives wrong password, unknown user, no password and unserved tenant one answer', async () => {
    const refused = await Promise.all([
      login({ secret: 'wrong' }),
      login({ secret: 'right', clientName: 'nobody' }),
      login({}),
      login({ clientName: '' }),
      login({ secret: 'decoy', clientName: 'badge' }),
      login({ secret: 'decoy', clientName: 'nobody' }),
      login({ secret: 'right', tenant: closed }),
      login({ secret: 'right', tenant: DEFAULT_TENANT }),
    ]);
    expect(new Set(refused.map((result) => JSON.stringify(result))).size).toBe(1);
    expect(refused.map(outcome)).toEqual(refused.map(() => REASON.badUserNameOrPassword));
  });

  it('hashes for who is unknown as much as for who is known', async () => {
    const costs: object[] = [];
    const bytes = { salt: Buffer.alloc(16, 3), hash: Buffer.alloc(32, 4) };
    const cost = { memoryKib: 1_024, passes: 1, lanes: 1 };
    const list = new UserList([
      { ...known, passwordHash: { ...cost, ...bytes } },
      { ...known, clientName: 'badge' },
    ]);
    const counting = {
      decoy: { ...cost, ...bytes },
      verifier: new PasswordVerifier({
        ...PASSWORD_VERIFIER_DEFAULTS,
        cacheKey: Buffer.alloc(32),
        argon2id: (_password, _salt, { memoryKib, passes, lanes }, length) => {
          costs.push({ memoryKib, passes, lanes });
          return Promise.resolve(Buffer.alloc(length, 5));
        },
      }),
    };
    const onList = new UserAuthenticator({ name: 'file', find: (user) => list.find(user), ...counting });
    const strict = new AuthenticatorChain({
      chainOf: (tenant) => (tenant === acme ? [onList] : []),
      hashInVain: (credentials) => hashInVain(credentials, counting),
      onUnavailable: () => undefined,
    });
    for (const clientName of ['bike', 'badge', 'nobody']) {
      const credentials = {
        tenant: acme,
        clientName,
        password: Buffer.from('guess'),
        clientId: 'c' as ClientId,
      };
      await strict.authenticate({
        ...credentials,
        certificateName: undefined,
        defaultTenant: undefined,
        address: '',
        level: 5,
      });
    }
    expect(costs).toEqual([cost, cost, cost]);
  });

  it.each(['+', '#', 'bike-7/#', 'a/b', '$SYS'])(
    'does not let client identifier %s break out of %%c',
    async (id) => {
      expect(outcome(await login({ secret: 'right', clientId: id as ClientId }))).toBe(
        REASON.clientIdentifierNotValid,
      );
    },
  );
});

describe('users of a list by certificate', () => {
  it('lets in the user the certificate names', async () => {
    const result = await login({ clientName: '', tenant: DEFAULT_TENANT, certificateName: 'acme/badge' });
    expect(result).toMatchObject({ allowed: true, principal: { tenant: 'acme', clientName: 'badge' } });
    expect(outcome(await login({ clientName: 'badge', certificateName: 'acme/badge' }))).toBe(REASON.success);
  });

  it('refuses a user name of somebody else, users without the permission, and unserved tenants', async () => {
    const refused = [
      login({ clientName: 'bike', certificateName: 'acme/badge' }),
      login({ clientName: '', certificateName: 'acme/bike' }),
      login({ clientName: '', certificateName: 'closed/bike' }),
      login({ clientName: '', certificateName: '+' }),
    ];
    for (const result of await Promise.all(refused))
      expect(outcome(result)).toBe(REASON.badUserNameOrPassword);
  });

  it('checks a password that was sent all the same', async () => {
    expect(outcome(await login({ secret: 'wrong', certificateName: 'acme/badge' }))).toBe(
      REASON.badUserNameOrPassword,
    );
  });
});

describe('AnonymousAuthenticator', () => {
  const everybody = new AnonymousAuthenticator(new Set([DEFAULT_TENANT]));
  const credentials: Credentials = {
    tenant: DEFAULT_TENANT,
    clientName: '',
    clientId: 'c' as ClientId,
    password: undefined,
    certificateName: undefined,
    defaultTenant: DEFAULT_TENANT,
    address: '127.0.0.1',
    level: 5,
  };

  it('lets everybody into tenants that are served, and lets nobody speak for the broker', async () => {
    const result = await everybody.authenticate(credentials);
    if (!result.allowed) throw new Error(result.detail);
    expect(result.principal.maySubscribe('$SYS/#', 0)).toBe(true);
    expect(result.principal.mayPublish('a', 0, false)).toBe(true);
    expect(result.principal.mayPublish('$SYS/broker/uptime', 0, false)).toBe(false);
  });

  it('takes who shows a certificate for whom it names, and for nobody else', async () => {
    const result = await everybody.authenticate({ ...credentials, clientName: 'b', certificateName: 'b' });
    expect(result).toMatchObject({ allowed: true, principal: { clientName: 'b', verified: true } });
    for (const certificateName of ['c', 'acme/b', '+/+']) {
      expect(
        outcome(await everybody.authenticate({ ...credentials, clientName: 'b', certificateName })),
      ).toBe(REASON.badUserNameOrPassword);
    }
  });

  it('refuses other tenants', async () => {
    expect(outcome(await everybody.authenticate({ ...credentials, tenant: acme }))).toBe(
      REASON.notAuthorized,
    );
  });
});
