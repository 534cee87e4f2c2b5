import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT, type JSONWebKeySet, type JWTPayload, type KeyLike } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { JwtVerifier, type JwtVerifierOptions } from '../../../src/adapters/jwt/jwt-verifier.ts';
import { parseKeys } from '../../../src/adapters/jwt/key-set.ts';
import { KeyUrl } from '../../../src/adapters/jwt/key-url.ts';
import { jwt } from '../../../src/app/jwt-schema.ts';
import { ManualTimers } from '../../support/manual-timers.ts';

const SECRET = 'a shared secret of more than 32 bytes';
const ISSUER = 'https://login.example';
const NOW_S = 1_800_000_000;

interface Signer {
  readonly alg: string;
  readonly kid: string;
  readonly key: KeyLike | Uint8Array;
}

const signers = new Map<string, Signer>();
let keys: JSONWebKeySet = { keys: [] };

beforeAll(async () => {
  for (const alg of ['RS256', 'ES256', 'EdDSA']) {
    const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
    const kid = `key of ${alg}`;
    signers.set(alg, { alg, kid, key: privateKey });
    keys = { keys: [...keys.keys, { ...(await exportJWK(publicKey)), kid, alg }] };
  }
  signers.set('HS256', { alg: 'HS256', kid: '', key: Buffer.from(SECRET) });
});

function clock() {
  const time = new ManualTimers();
  time.advance(NOW_S * 1_000);
  return time;
}

function verifier(options: Partial<JwtVerifierOptions> = {}): JwtVerifier {
  const { algorithms, clockToleranceS } = jwt.parse({});
  return new JwtVerifier({
    clock: clock(),
    keys: () => Promise.resolve(keys),
    secret: SECRET,
    algorithms,
    issuer: ISSUER,
    audience: '',
    clockToleranceS,
    ...options,
  });
}

function signed(alg: string, claims: JWTPayload = {}): Promise<string> {
  const signer = signers.get(alg);
  if (signer === undefined) throw new Error(alg);
  const { key, kid } = signer;
  const payload = { sub: 'bike-7', iss: ISSUER, exp: NOW_S + 60, ...claims };
  return new SignJWT(payload).setProtectedHeader(kid === '' ? { alg } : { alg, kid }).sign(key);
}

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('JwtVerifier', () => {
  it.each(['HS256', 'RS256', 'ES256', 'EdDSA'])('believes a token signed with %s', async (alg) => {
    expect(await verifier().verify(await signed(alg))).toMatchObject({
      valid: true,
      claims: { sub: 'bike-7' },
    });
  });

  it.each([
    ['has expired', { exp: NOW_S - 60 }, 'it has expired'],
    ['is not valid yet', { nbf: NOW_S + 60 }, 'a claim is missing'],
    ['never ends', { exp: undefined }, 'a claim is missing'],
    ['somebody else made', { iss: 'https://evil.example' }, 'a claim is missing'],
  ])('refuses one that %s', async (_what, claims, detail) => {
    const verdict = await verifier().verify(await signed('ES256', claims as JWTPayload));
    expect(verdict).toEqual({ valid: false, detail: expect.stringContaining(detail) as unknown });
  });

  it('refuses one for somebody else', async () => {
    const strict = verifier({ audience: 'spokemq' });
    expect(await strict.verify(await signed('RS256', { aud: 'shop' }))).toMatchObject({ valid: false });
    expect(await strict.verify(await signed('RS256', { aud: ['shop', 'spokemq'] }))).toMatchObject({
      valid: true,
    });
  });

  it('refuses a changed token, an unknown key, no algorithm, and one that is not allowed', async () => {
    const [header = '', , signature = ''] = (await signed('ES256')).split('.');
    const changed = [header, part({ sub: 'admin', iss: ISSUER, exp: NOW_S + 60 }), signature].join('.');
    expect(await verifier().verify(changed)).toMatchObject({ valid: false });
    const none = [part({ alg: 'none' }), part({ sub: 'admin', iss: ISSUER, exp: NOW_S + 60 }), ''].join('.');
    expect(await verifier().verify(none)).toMatchObject({ valid: false });
    expect(
      await verifier({ keys: () => Promise.resolve({ keys: [] }) }).verify(await signed('ES256')),
    ).toMatchObject({
      detail: 'no known key signed it',
    });
    expect(await verifier({ algorithms: ['EdDSA'] }).verify(await signed('RS256'))).toMatchObject({
      detail: 'its algorithm is not allowed',
    });
  });

  it('never takes a public key for a shared secret', async () => {
    const [rsa] = keys.keys;
    const forged = await new SignJWT({ sub: 'admin', iss: ISSUER, exp: NOW_S + 60 })
      .setProtectedHeader({ alg: 'HS256', kid: rsa?.kid ?? '' })
      .sign(Buffer.from(JSON.stringify(rsa)));
    expect(await verifier().verify(forged)).toMatchObject({ valid: false });
    expect(await verifier({ secret: '' }).verify(forged)).toMatchObject({ valid: false });
  });

  it('repeats nothing of the token', async () => {
    const token = await signed('ES256', { exp: NOW_S - 60 });
    const verdict = JSON.stringify(await verifier().verify(token));
    for (const piece of token.split('.')) expect(verdict).not.toContain(piece);
  });
});

describe('a key set', () => {
  it('has public keys only, at least one', () => {
    expect(
      parseKeys(JSON.stringify({ keys: [...keys.keys, { kty: 'oct', k: 'c2VjcmV0' }] })).keys,
    ).toHaveLength(3);
    for (const text of ['', '[]', '{"keys":[]}', '{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}']) {
      expect(() => parseKeys(text)).toThrow('is no JWKS');
    }
  });
});

describe('keys of a URL', () => {
  let server: Server;
  let answer: () => { readonly status: number; readonly body: string };
  let url: string;

  beforeAll(async () => {
    server = createServer((_request, response) => {
      const { status, body } = answer();
      response.writeHead(status).end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`;
  });
  afterAll(() => {
    server.close();
  });

  function keyUrl(time: ManualTimers) {
    const problems: string[] = [];
    const source = new KeyUrl({
      ...{ url, caFile: '', refreshMs: 600_000, timeoutMs: 2_000, clock: time },
      onProblem: (error) => problems.push(error.message),
    });
    return { source, problems };
  }

  it('are fetched once for many, and again for a key that is unknown, but not for every one', async () => {
    const time = clock();
    const { source } = keyUrl(time);
    const [first, ...further] = keys.keys;
    answer = () => ({ status: 200, body: JSON.stringify({ keys: [first] }) });
    const tokens = verifier({ clock: time, keys: source.keys });
    const token = await signed('RS256');
    const verdicts = await Promise.all(Array.from({ length: 100 }, () => tokens.verify(token)));
    expect(verdicts.every(({ valid }) => valid)).toBe(true);
    expect(source.fetches).toBe(1);
    answer = () => ({ status: 200, body: JSON.stringify({ keys: [first, ...further] }) });
    const other = await signed('ES256');
    expect(await tokens.verify(other)).toMatchObject({ valid: false });
    expect(source.fetches).toBe(1);
    time.advance(10_000);
    expect(await tokens.verify(other)).toMatchObject({ valid: true });
    expect(source.fetches).toBe(2);
  });

  it('stay when the URL is away, and without any nobody is let in', async () => {
    const time = clock();
    const { source, problems } = keyUrl(time);
    answer = () => ({ status: 503, body: '' });
    await expect(source.keys(false)).rejects.toThrow(/is unavailable/);
    time.advance(10_000);
    answer = () => ({ status: 200, body: JSON.stringify(keys) });
    expect((await source.keys(false)).keys).toHaveLength(3);
    answer = () => ({ status: 200, body: ' '.repeat(2 * 1024 * 1024) });
    time.advance(600_000);
    expect((await source.keys(true)).keys).toHaveLength(3);
    expect(problems).toEqual([
      expect.stringContaining('answers 503'),
      expect.stringContaining('more than 1048576 bytes'),
    ]);
  });
});
