import { describe, expect, it } from 'vitest';
import type { Credentials } from '../../../src/auth/authenticator.ts';
import { TokenAuthenticator, type Claims, type TokenVerdict } from '../../../src/auth/token-authenticator.ts';
import { parseTopicRule } from '../../../src/auth/topic-rule.ts';
import { REASON } from '../../../src/mqtt/reason-code.ts';
import { DEFAULT_TENANT, type ClientId, type TenantId } from '../../../src/tenancy/identity.ts';

const rule = parseTopicRule('allow all devices/%u/#');
if ('problem' in rule) throw new Error(rule.problem);

const REFUSED = { allowed: false, reasonCode: REASON.badUserNameOrPassword };

function ask(claims: Claims | undefined, changes: Partial<Credentials> = {}) {
  const verdict: TokenVerdict =
    claims === undefined ? { valid: false, detail: 'it has expired' } : { valid: true, claims };
  const authenticator = new TokenAuthenticator({
    verify: () => Promise.resolve(verdict),
    tenantClaim: 'tenant',
    nameClaim: 'sub',
    rulesClaim: 'rules',
    rules: [rule as Exclude<typeof rule, { problem: string }>],
  });
  return authenticator.ask({
    tenant: DEFAULT_TENANT,
    clientName: '',
    clientId: 'c-1' as ClientId,
    password: Buffer.from('aaaa.bbbb.cccc'),
    certificateName: undefined,
    defaultTenant: DEFAULT_TENANT,
    address: '127.0.0.1',
    level: 5,
    ...changes,
  });
}

describe('TokenAuthenticator', () => {
  it('gives tenant, name, end and rules that the token says', async () => {
    const rules = ['deny publish a', 'allow all #'];
    const result = await ask({ tenant: 'acme', sub: 'bike-7', exp: 1_000, rules });
    if (result?.allowed !== true) throw new Error('refused');
    const { principal } = result;
    expect(principal).toMatchObject({
      tenant: 'acme',
      clientName: 'bike-7',
      verified: true,
      expiresAtMs: 1_000_000,
    });
    expect(['a', 'b'].map((topic) => principal.mayPublish(topic, 0, false))).toEqual([false, true]);
  });

  it('takes the default tenant and the configured rules where the token says none', async () => {
    const result = await ask({ sub: 'bike-7' });
    if (result?.allowed !== true) throw new Error('refused');
    expect(result.principal.tenant).toBe('default');
    const defaultTenant = 'acme' as TenantId;
    expect(await ask({ sub: 'bike-7' }, { defaultTenant })).toMatchObject({ principal: { tenant: 'acme' } });
    expect(await ask({ sub: 'bike-7' }, { defaultTenant: undefined }), 'nobody').toMatchObject(REFUSED);
    expect(result.principal.mayPublish('devices/bike-7/x', 0, false)).toBe(true);
    expect(result.principal.mayPublish('devices/bike-8/x', 0, false)).toBe(false);
  });

  it('leaves to others what does not look like a token', async () => {
    for (const password of [undefined, 'secret', 'a.b', 'a.b.c.d', 'a.b.ü', `${'a'.repeat(20_000)}.b.c`])
      expect(
        await ask({}, { password: password === undefined ? undefined : Buffer.from(password) }),
      ).toBeUndefined();
  });

  it.each([
    ['an invalid token', undefined],
    ['no name', { tenant: 'acme' }],
    ['a name that breaks out of a rule', { sub: '+' }],
    ['a name that is none', { sub: 7 }],
    ['a tenant that is none', { sub: 'x', tenant: 'no/tenant' }],
    ['a tenant that is no text', { sub: 'x', tenant: 7 }],
    ['a rule that cannot be read', { sub: 'x', rules: ['deny everything', 'allow all #'] }],
    ['rules that are no list', { sub: 'x', rules: 'allow all #' }],
  ])('refuses %s', async (_what, claims) => {
    expect(await ask(claims)).toMatchObject(REFUSED);
  });

  it('wants a user name in CONNECT to be that of the token', async () => {
    const acme = { tenant: 'acme' as TenantId, clientName: 'bike-7' };
    expect(await ask({ tenant: 'acme', sub: 'bike-7' }, acme)).toMatchObject({ allowed: true });
    expect(await ask({ tenant: 'acme', sub: 'bike-8' }, acme)).toMatchObject(REFUSED);
    expect(await ask({ sub: 'bike-7' }, acme)).toMatchObject(REFUSED);
  });
});
