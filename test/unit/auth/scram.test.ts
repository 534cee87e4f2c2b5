import { describe, expect, it } from 'vitest';
import {
  decoyScramCredentials,
  deriveScramCredentials,
  formatScramCredentials,
  parseScramCredentials,
} from '../../../src/auth/scram-credentials.ts';
import { ScramAuthenticator } from '../../../src/auth/scram-authenticator.ts';
import { ScramExchange, type ScramStep } from '../../../src/auth/scram-sha-256.ts';
import { saslPrepared } from '../../../src/auth/saslprep.ts';
import { UserList } from '../../../src/auth/user-list.ts';
import { DEFAULT_TENANT, type ClientId, type TenantId } from '../../../src/tenancy/identity.ts';
import { ScramClient } from '../../support/scram-client.ts';

/** RFC 7677, section 3. */
const RFC = {
  userName: 'user',
  password: 'pencil',
  salt: Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64'),
  iterations: 4096,
  clientNonce: 'rOprNGfwEbeRWgbNEkqO',
  serverNonce: '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0',
  clientFirst: 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO',
  serverFirst: 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
  clientFinal:
    'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
  serverFinal: 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
};

const credentials = await deriveScramCredentials(RFC.password, RFC.salt, RFC.iterations);

function exchange(asked: string[] = []): ScramExchange {
  const credentialsOf = (userName: string) => {
    asked.push(userName);
    return credentials;
  };
  return new ScramExchange({ credentialsOf, nonce: RFC.serverNonce });
}

/** The server's answer to the second message. */
function answerTo(final: string, first = RFC.clientFirst): ScramStep {
  const scram = exchange();
  expect(scram.step(first)).toMatchObject({ outcome: 'continue' });
  return scram.step(final);
}

describe('SCRAM-SHA-256', () => {
  it('says what RFC 7677 says', () => {
    const scram = exchange();
    expect(scram.step(RFC.clientFirst)).toEqual({ outcome: 'continue', message: RFC.serverFirst });
    expect(scram.step(RFC.clientFinal)).toEqual({ outcome: 'proven', message: RFC.serverFinal });
  });

  it.each(['n,,', 'y,,', 'n,a=user,'])(
    'accepts a client without channel binding that begins with %s',
    (gs2Header) => {
      const scram = exchange();
      const client = new ScramClient({ ...RFC, gs2Header });
      const challenge = scram.step(client.first.toString());
      if (challenge.outcome !== 'continue') throw new Error(challenge.outcome);
      const step = scram.step(client.final(Buffer.from(challenge.message)).toString());
      if (step.outcome !== 'proven') throw new Error(step.outcome);
      expect(client.accepts(Buffer.from(step.message))).toBe(true);
    },
  );

  it('reads commas and equals signs in names, and looks a name up once', () => {
    const asked: string[] = [];
    const scram = exchange(asked);
    expect(scram.step('n,,n=a=2Cb=3D=3Dc,r=x,e=extension')).toMatchObject({ outcome: 'continue' });
    expect(asked).toEqual(['a,b==c']);
  });

  it.each([
    ['p=tls-unique,,n=user,r=x', 'channel binding'],
    ['n,a=other,n=user,r=x', 'another user'],
    ['n,,m=must,n=user,r=x', 'no client-first'],
    ['n,,n=us=er,r=x', 'no client-first'],
    ['n,,n=user=2c,r=x', 'no client-first'],
    ['n,a=b=c,n=user,r=x', 'no client-first'],
    ['n,,n=,r=x', 'no client-first'],
    ['n,,n=user,r=', 'no client-first'],
    ['n,,n=user,r=ü', 'no client-first'],
    ['n,,r=x,n=user', 'no client-first'],
    ['n,n=user,r=x', 'no client-first'],
    ['q,,n=user,r=x', 'no client-first'],
    ['', 'no client-first'],
  ])('refuses to begin with %j', (text, detail) => {
    const asked: string[] = [];
    const step = exchange(asked).step(text);
    expect(step).toMatchObject({ outcome: 'refused', fault: 'malformed' });
    expect(step).toMatchObject({ detail: expect.stringContaining(detail) as unknown });
    expect(asked).toEqual([]);
  });

  it.each([
    ['another proof', RFC.clientFinal.replace('dHzb', 'dHzc'), 'wrongProof'],
    ['the proof of another message', RFC.clientFinal.replace(',p=', ',x=1,p='), 'wrongProof'],
    ['another header', RFC.clientFinal.replace('c=biws', `c=${btoa('y,,')}`), 'malformed'],
    ['another nonce', RFC.clientFinal.replace('hNlF$k0', 'hNlF$k1'), 'malformed'],
    ['its own nonce alone', RFC.clientFinal.replace(RFC.serverNonce, ''), 'malformed'],
    ['a short proof', RFC.clientFinal.replace(/p=.*/, 'p=AAAA'), 'malformed'],
    ['no proof', RFC.clientFinal.replace(/,p=.*/, ''), 'malformed'],
    ['something behind the proof', `${RFC.clientFinal},x=1`, 'malformed'],
    ['its first message again', RFC.clientFirst, 'malformed'],
  ])('refuses to end with %s', (_what, final, fault) => {
    expect(answerTo(final)).toMatchObject({ outcome: 'refused', fault });
  });

  it('sees that somebody took the wish for channel binding away', () => {
    // The client sent `y,,`; the server was given `n,,`, and the client's final message repeats what it sent.
    const final = new ScramClient({ ...RFC, nonce: RFC.clientNonce, gs2Header: 'y,,' }).final(
      Buffer.from(RFC.serverFirst),
    );
    expect(answerTo(final.toString())).toMatchObject({ outcome: 'refused', fault: 'malformed' });
  });
});

describe('SCRAM credentials', () => {
  it('survive being written and read', () => {
    const text = formatScramCredentials(credentials);
    expect(text).toBe(
      'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=',
    );
    expect(parseScramCredentials(text)).toEqual(credentials);
  });

  it('are refused below 4,096 iterations, above what a client can bear, and with short salts', () => {
    const text = formatScramCredentials(credentials);
    for (const damaged of [
      text.replace('$4096', '$4095'),
      text.replace('$4096', '$1000001'),
      text.replace('W22ZaJ0SNY7soEsUEjb6gQ==', 'AAAA'),
      text.replace('SHA-256', 'SHA-1'),
      text.slice(0, -1),
    ])
      expect(parseScramCredentials(damaged), damaged).toBeUndefined();
  });

  it('that are made up are the same at every question, and others for others', () => {
    const secret = Buffer.alloc(32, 1);
    const decoy = decoyScramCredentials(secret, 'default/nobody', 4096);
    expect(decoyScramCredentials(secret, 'default/nobody', 4096)).toEqual(decoy);
    expect(parseScramCredentials(formatScramCredentials(decoy))).toEqual(decoy);
    expect(decoyScramCredentials(secret, 'default/no', 4096).salt).not.toEqual(decoy.salt);
    expect(decoyScramCredentials(Buffer.alloc(32, 2), 'default/nobody', 4096).salt).not.toEqual(decoy.salt);
  });
});

describe('SASLprep', () => {
  it.each([
    ['I\u00adX', 'IX'],
    ['user', 'user'],
    ['USER', 'USER'],
    ['\u00aa', 'a'],
    ['\u2168', 'IX'],
    ['a\u00a0b\u3000c', 'a b c'],
    ['e\u0301', '\u00e9'],
  ])('makes of %j %j', (text, prepared) => {
    expect(saslPrepared(text)).toBe(prepared);
  });

  it.each(['', '\u0007', 'a\u0000b', '\u200e', '\ue000', '\ufffd', '\u{e0041}', '\u00ad'])(
    'refuses %j',
    (text) => {
      expect(saslPrepared(text)).toBeUndefined();
    },
  );
});

describe('ScramAuthenticator', () => {
  const acme = 'acme' as TenantId;
  const user = {
    tenant: acme,
    clientName: RFC.userName,
    passwordHash: undefined,
    certificate: false,
    rules: [],
  };
  const users = new UserList([{ ...user, scram: credentials }]);
  const authenticator = new ScramAuthenticator({
    tenants: new Set([acme, DEFAULT_TENANT]),
    users: () => users,
    iterations: RFC.iterations,
    decoySecret: Buffer.alloc(32),
    newNonce: () => RFC.serverNonce,
  });

  it.each([
    [acme, 'allowed'],
    [DEFAULT_TENANT, 'refused'],
    [undefined, 'refused'],
  ])('takes a name without a tenant for one of the default tenant %s: %s', async (defaultTenant, outcome) => {
    const exchange = authenticator.begin({
      tenant: defaultTenant ?? acme,
      clientName: '',
      clientId: 'c' as ClientId,
      password: undefined,
      certificateName: undefined,
      defaultTenant,
      address: '127.0.0.1',
      level: 5,
    });
    expect(await exchange.step(Buffer.from(RFC.clientFirst))).toMatchObject({ outcome: 'continue' });
    expect(await exchange.step(Buffer.from(RFC.clientFinal))).toMatchObject({ outcome });
  });
});
