import { describe, expect, it } from 'vitest';
import { admit, REFUSED } from '../../../src/auth/admission.ts';
import type { AuthResult, Credentials } from '../../../src/auth/authenticator.ts';
import { AuthenticatorChain, type ChainAuthenticator } from '../../../src/auth/authenticator-chain.ts';
import { CertificateAuthenticator } from '../../../src/auth/certificate-authenticator.ts';
import { GuestAuthenticator } from '../../../src/auth/guest-authenticator.ts';
import { parseTopicRule, type TopicRule } from '../../../src/auth/topic-rule.ts';
import { StoreUnavailableError } from '../../../src/errors/store-unavailable-error.ts';
import { REASON } from '../../../src/mqtt/reason-code.ts';
import { DEFAULT_TENANT, type ClientId, type TenantId } from '../../../src/tenancy/identity.ts';

const acme = 'acme' as TenantId;
const globex = 'globex' as TenantId;
const credentials: Credentials = {
  tenant: acme,
  clientName: 'bike',
  clientId: 'bike-7' as ClientId,
  password: Buffer.from('x'),
  certificateName: undefined,
  defaultTenant: DEFAULT_TENANT,
  address: '127.0.0.1',
  level: 5,
};
const nobody = { clientName: '', password: undefined };

function rule(text: string): TopicRule {
  const parsed = parseTopicRule(text);
  if ('problem' in parsed) throw new Error(parsed.problem);
  return parsed;
}

type Answer = AuthResult | Error | undefined;

function link(name: string, answer: Answer, asked: string[] = []): ChainAuthenticator {
  return {
    name,
    ask: () => {
      asked.push(name);
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    },
  };
}

function lettingIn(tenant: TenantId): AuthResult {
  return admit({ tenant, clientName: 'bike', rules: [], admittedBy: 'one' }, credentials);
}

function chainOf(
  chains: Readonly<Record<string, readonly ChainAuthenticator[]>>,
  unavailable: string[] = [],
) {
  const hashed: Credentials[] = [];
  const chain = new AuthenticatorChain({
    chainOf: (tenant) => chains[tenant] ?? [],
    hashInVain: (one) => {
      hashed.push(one);
      return Promise.resolve(REFUSED);
    },
    onUnavailable: (name) => unavailable.push(name),
  });
  return { chain, hashed };
}

describe('AuthenticatorChain', () => {
  it('asks in order until one knows the client', async () => {
    const asked: string[] = [];
    const links = [
      link('one', undefined, asked),
      link('two', lettingIn(acme), asked),
      link('three', REFUSED, asked),
    ];
    const { chain, hashed } = chainOf({ acme: links });
    expect(await chain.authenticate(credentials)).toMatchObject({ allowed: true });
    expect(asked).toEqual(['one', 'two']);
    expect(hashed).toEqual([]);
  });

  it('lets nobody overrule a refusal', async () => {
    const { chain } = chainOf({ acme: [link('one', REFUSED), link('two', lettingIn(acme))] });
    expect(await chain.authenticate(credentials)).toEqual(REFUSED);
  });

  it('refuses whom nobody knows, after as much work as for a wrong password', async () => {
    const { chain, hashed } = chainOf({ acme: [link('one', undefined)] });
    expect(await chain.authenticate(credentials)).toEqual(REFUSED);
    expect(await chain.authenticate({ ...credentials, tenant: globex })).toEqual(REFUSED);
    expect(hashed.map(({ tenant }) => tenant)).toEqual([acme, globex]);
  });

  it('gives every tenant its own chain', async () => {
    const { chain } = chainOf({ acme: [link('one', lettingIn(acme))], globex: [link('two', undefined)] });
    expect(await chain.authenticate(credentials)).toMatchObject({ allowed: true });
    expect(await chain.authenticate({ ...credentials, tenant: globex })).toEqual(REFUSED);
  });

  it('ends where one cannot be asked: unavailable, and never open', async () => {
    const unavailable: string[] = [];
    const gone = new StoreUnavailableError('MySQL', 'start it');
    const { chain } = chainOf(
      { acme: [link('mysql', gone), link('anonymous', lettingIn(acme))] },
      unavailable,
    );
    expect(await chain.authenticate(credentials)).toMatchObject({
      allowed: false,
      reasonCode: REASON.serverUnavailable,
    });
    expect(unavailable).toEqual(['mysql']);
  });

  it('passes on what is a fault of its own', async () => {
    const { chain } = chainOf({ acme: [link('broken', new TypeError('a bug'))] });
    await expect(chain.authenticate(credentials)).rejects.toThrow('a bug');
  });

  it('lets an authenticator admit to tenants only whose chain has it', async () => {
    const shared = link('certificate', lettingIn(globex));
    const strange = chainOf({ acme: [shared], globex: [link('file', undefined)] });
    expect(await strange.chain.authenticate(credentials)).toEqual(REFUSED);
    const unserved = chainOf({ acme: [shared] });
    expect(await unserved.chain.authenticate(credentials)).toEqual(REFUSED);
    const agreed = chainOf({ acme: [shared], globex: [shared] });
    expect(await agreed.chain.authenticate(credentials)).toMatchObject({ principal: { tenant: 'globex' } });
  });
});

describe('CertificateAuthenticator', () => {
  const authenticator = new CertificateAuthenticator([rule('allow all devices/%u/#')]);

  it('lets in whom a certificate names, with the rules of all', async () => {
    const result = await authenticator.ask({ ...credentials, ...nobody, certificateName: 'acme/badge' });
    if (result?.allowed !== true) throw new Error('refused');
    expect(result.principal).toMatchObject({ tenant: 'acme', clientName: 'badge', verified: true });
    expect(result.principal.mayPublish('devices/badge/x', 0, false)).toBe(true);
    expect(result.principal.mayPublish('devices/bike/x', 0, false)).toBe(false);
  });

  it('reads a name without a tenant as CONNECT does', async () => {
    const acme = 'acme' as TenantId;
    const shown = { ...credentials, tenant: acme, clientName: 'badge', password: undefined };
    const ask = (defaultTenant: TenantId | undefined) =>
      authenticator.ask({ ...shown, certificateName: 'badge', defaultTenant });
    expect(await ask(acme)).toMatchObject({ principal: { tenant: 'acme', clientName: 'badge' } });
    expect(await ask(DEFAULT_TENANT)).toEqual(REFUSED);
    expect(await ask(undefined)).toBeUndefined();
  });

  it('refuses another user name beside it, and leaves the rest to others', async () => {
    const ask = (changes: Partial<Credentials>) => authenticator.ask({ ...credentials, ...changes });
    expect(await ask({ password: undefined, certificateName: 'acme/badge' })).toEqual(REFUSED);
    expect(await ask({ certificateName: 'acme/bike' })).toBeUndefined();
    expect(await ask({ password: undefined })).toBeUndefined();
    for (const certificateName of ['acme/', 'acme/+', 'no tenant/x'])
      expect(await ask({ password: undefined, certificateName }), certificateName).toBeUndefined();
  });
});

describe('GuestAuthenticator', () => {
  const authenticator = new GuestAuthenticator([rule('allow subscribe public/#')]);

  it('lets in who shows nothing, with few rights, as the one user without a name', async () => {
    const result = await authenticator.ask({ ...credentials, ...nobody, tenant: DEFAULT_TENANT });
    if (result?.allowed !== true) throw new Error('refused');
    expect(result.principal).toMatchObject({ clientName: '', verified: true });
    expect(result.principal.maySubscribe('public/#', 0)).toBe(true);
    expect(result.principal.mayPublish('public/x', 0, false)).toBe(false);
  });

  it.each([{ clientName: 'bike' }, { password: Buffer.from('x') }, { certificateName: 'acme/badge' }])(
    'leaves who shows something to others',
    async (shown) => {
      expect(await authenticator.ask({ ...credentials, ...nobody, ...shown })).toBeUndefined();
    },
  );
});
