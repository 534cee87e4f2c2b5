/** The webhook as an authenticator asks it, against real HTTP and HTTPS servers that behave and misbehave. */
import {
  createServer as createHttp,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttps, type ServerOptions } from 'node:https';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Webhook, type WebhookOptions } from '../../../src/adapters/webhook/webhook.ts';
import { parseAnswer } from '../../../src/adapters/webhook/webhook-format.ts';
import { REFUSED } from '../../../src/auth/admission.ts';
import type { Credentials } from '../../../src/auth/authenticator.ts';
import { WebhookAuthenticator } from '../../../src/auth/webhook-authenticator.ts';
import { DEFAULT_TENANT, parseTenantId, type ClientId } from '../../../src/tenancy/identity.ts';
import {
  certificateAuthority,
  clientCertificate,
  serverCertificate,
  strangerCertificate,
} from '../../support/certificates.ts';
import { ManualTimers } from '../../support/manual-timers.ts';

type Handler = (body: string, response: ServerResponse, request: IncomingMessage) => void;

const acme = parseTenantId('acme');
if (acme === undefined) throw new Error('acme');
const credentials: Credentials = {
  tenant: acme,
  clientName: 'bike',
  clientId: 'bike-7' as ClientId,
  password: Buffer.from('hunter2'),
  certificateName: undefined,
  defaultTenant: DEFAULT_TENANT,
  address: '192.0.2.7',
  level: 5,
};

const closing: (() => void)[] = [];

afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function serve(handler: Handler, tls?: ServerOptions): Promise<string> {
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      handler(body, response, request);
    });
  };
  const server: Server = tls === undefined ? createHttp(listener) : createHttps(tls, listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${(server.address() as AddressInfo).port}/login`;
}

function webhook(url: string, options: Partial<WebhookOptions> = {}): Webhook {
  const made = new Webhook({
    url,
    headers: {},
    timeoutMs: 5_000,
    requestsMax: 4,
    waitingMax: 100,
    answerBytesMax: 4_096,
    tls: {},
    ...options,
  });
  closing.push(() => {
    made.close();
  });
  return made;
}

function answering(answer: object): Handler {
  return (_body, response) => response.end(JSON.stringify(answer));
}

async function failure(url: string, options: Partial<WebhookOptions> = {}): Promise<string> {
  const asked = webhook(url, options);
  const error: unknown = await asked.ask(credentials).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ name: 'StoreUnavailableError' });
  expect(asked.failures).toBe(1);
  const everything = JSON.stringify(error, Object.getOwnPropertyNames(error));
  expect(everything).not.toContain('hunter2');
  expect(everything).not.toContain(Buffer.from('hunter2').toString('base64'));
  return String(error);
}

describe('a webhook', () => {
  it('is asked with everything that is known of a login, and its headers', async () => {
    const asked: { body: unknown; headers: IncomingMessage['headers']; method: string | undefined }[] = [];
    const url = await serve((body, response, { headers, method }) => {
      asked.push({ body: JSON.parse(body), headers, method });
      response.end('{"result":"allow","rules":["allow publish devices/%c/#"]}');
    });
    const { ask } = webhook(url, { headers: { authorization: 'Bearer x', 'x-site': 'north' } });
    expect(await ask(credentials)).toMatchObject({ result: 'allow', rules: [{ filter: 'devices/%c/#' }] });
    const binary = { ...credentials, password: Buffer.from([0xff, 0xfe]), certificateName: 'acme/bike' };
    await ask(binary);
    await ask({ ...credentials, password: undefined });
    const common = {
      ...{ version: 1, tenant: 'acme', clientName: 'bike', clientId: 'bike-7' },
      ...{ certificateName: null, address: '192.0.2.7', protocolLevel: 5 },
    };
    expect(asked.map(({ body }) => body)).toEqual([
      { ...common, password: 'hunter2' },
      { ...common, password: null, passwordBase64: '//4=', certificateName: 'acme/bike' },
      { ...common, password: null },
    ]);
    expect(asked[0]).toMatchObject({
      method: 'POST',
      headers: {
        authorization: 'Bearer x',
        'x-site': 'north',
        'content-type': 'application/json',
        accept: 'application/json',
      },
    });
  });

  it.each([
    ['is refused', 'http://127.0.0.1:1/', /ECONNREFUSED/],
    ['nobody can find', 'http://nobody.invalid/', /ENOTFOUND|EAI_AGAIN/],
  ])('whose connection %s is unavailable', async (_, url, expected) => {
    expect(await failure(url)).toMatch(expected);
  });

  it.each<[string, Handler, RegExp]>([
    ['is an error', (_, response) => response.writeHead(500).end(), /it answers 500/],
    ['says nothing', (_, response) => response.end(), /is no JSON/],
    ['is no JSON', (_, response) => response.end('<html>'), /is no JSON/],
    ['is something else', answering({ result: 'perhaps' }), /not as it has to be: result/],
    ['says more than it may', answering({ result: 'allow', clientName: 'root' }), /not as it has to be/],
    ['has a rule that cannot be read', answering({ result: 'allow', rules: ['allow #'] }), /rule 1 is not/],
    [
      'has too many rules',
      answering({ result: 'allow', rules: Array(101).fill('deny all #') }),
      /not as it has to be: rules/,
    ],
    [
      'breaks off',
      (_, response) => {
        response.writeHead(200, { 'content-length': 99 });
        response.write('{', () => response.destroy());
      },
      /aborted|hang up/,
    ],
    [
      'is a redirect',
      (_, response) => response.writeHead(307, { location: '/elsewhere' }).end(),
      /it answers 307/,
    ],
    [
      'is endless',
      (_, response) => {
        const timer = setInterval(() => response.write('x'.repeat(600)), 1);
        response.on('close', () => {
          clearInterval(timer);
        });
      },
      /longer than 4096 bytes/,
    ],
  ])('whose answer %s is unavailable', async (_, handler, expected) => {
    let requests = 0;
    const url = await serve((body, response, request) => {
      requests++;
      handler(body, response, request);
    });
    expect(await failure(url)).toMatch(expected);
    expect(requests).toBe(1);
  });

  it('that is silent, or slow to the end, is unavailable in time', async () => {
    const silent = await serve(() => undefined);
    expect(await failure(silent, { timeoutMs: 50 })).toMatch(/no answer within 50 ms/);
    const slow = await serve((_, response) => {
      const timer = setInterval(() => response.write(' '), 5);
      response.on('close', () => {
        clearInterval(timer);
      });
    });
    expect(await failure(slow, { timeoutMs: 50 })).toMatch(/no answer within 50 ms/);
  });

  it('is asked so many times at once, and who waits has no more time than the others', async () => {
    let underWay = 0;
    let most = 0;
    const held: (() => void)[] = [];
    const url = await serve((_, response) => {
      most = Math.max(most, ++underWay);
      held.push(() => {
        underWay--;
        response.end('{"result":"deny"}');
      });
      if (held.length === 2) for (const answer of held.splice(0)) answer();
    });
    const asked = webhook(url, { requestsMax: 2, waitingMax: 8 });
    const all = Array.from({ length: 11 }, () => asked.ask(credentials));
    const outcomes = Promise.allSettled(all);
    expect(asked.waiting).toBe(8);
    expect((await outcomes).filter(({ status }) => status === 'rejected')).toHaveLength(1);
    expect(most).toBe(2);

    const silent = webhook(await serve(() => undefined), { requestsMax: 1, timeoutMs: 50 });
    const late = await Promise.allSettled([silent.ask(credentials), silent.ask(credentials)]);
    expect(late.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(silent).toMatchObject({ failures: 2, waiting: 0 });
  });

  it('is used again as soon as it answers again', async () => {
    let isWell = false;
    const asked = webhook(
      await serve((_, response) => (isWell ? response.end('{"result":"ignore"}') : response.destroy())),
    );
    await expect(asked.ask(credentials)).rejects.toThrow(/is unavailable/);
    isWell = true;
    expect(await asked.ask(credentials)).toEqual({ result: 'ignore' });
  });

  it('that closes a connection at the moment it is used again is asked on another one', async () => {
    const sockets = new Map<unknown, number>();
    const url = await serve((_, response, { socket }) => {
      const requests = (sockets.get(socket) ?? 0) + 1;
      sockets.set(socket, requests);
      if (requests > 1) socket.destroy();
      else response.end('{"result":"deny"}');
    });
    const asked = webhook(url);
    await Promise.all([asked.ask(credentials), asked.ask(credentials)]);
    expect(sockets.size).toBe(2);
    expect(await asked.ask(credentials)).toEqual({ result: 'deny' });
    expect([...sockets.values()]).toEqual([2, 2, 1]);
    expect(asked).toMatchObject({ requests: 3, failures: 0 });
  });

  it('is believed over TLS only if it is who it has to be, and believes us likewise', async () => {
    const tls = {
      ...serverCertificate,
      ca: certificateAuthority,
      requestCert: true,
      rejectUnauthorized: true,
    };
    const url = await serve(answering({ result: 'deny' }), tls);
    const ca = certificateAuthority;
    expect(await webhook(url, { tls: { ca, ...clientCertificate } }).ask(credentials)).toEqual({
      result: 'deny',
    });
    expect(await failure(url, { tls: clientCertificate })).toMatch(/certificate/);
    expect(await failure(url, { tls: { ca, ...strangerCertificate } })).toMatch(/alert|hang up|ECONNRESET/);
    expect(await failure(url.replace('127.0.0.1', '127.0.0.2'), { tls: { ca } })).toMatch(
      /ECONNREFUSED|altnames/,
    );
  });

  it('may answer in three ways', () => {
    expect(parseAnswer('{"result":"allow"}')).toEqual({ result: 'allow', rules: undefined });
    expect(parseAnswer('{"result":"allow","rules":[]}')).toEqual({ result: 'allow', rules: [] });
    expect(() => parseAnswer('{"result":"deny","rules":[]}')).toThrow(/Unrecognized key/);
  });
});

describe('what a webhook says', () => {
  async function authenticator(handler: Handler, changes: { ttlMs?: number } = {}) {
    const clock = new ManualTimers();
    clock.advance(1);
    const asked = webhook(await serve(handler));
    const hashInVain = vi.fn(() => Promise.resolve(REFUSED));
    const made = new WebhookAuthenticator({
      ask: asked.ask,
      hashInVain,
      rules: [],
      clock,
      cacheKey: Buffer.alloc(32, 1),
      ttlMs: 1_000,
      negativeTtlMs: 100,
      rememberedMax: 10,
      ...changes,
    });
    return { asked, clock, made, hashInVain };
  }

  it('decides about a login: in, out after as much work as for whom nobody knows, or up to the next', async () => {
    const { made, hashInVain } = await authenticator((body, response) => {
      const { clientName } = JSON.parse(body) as { clientName: string };
      response.end(`{"result":"${clientName}"}`);
    });
    const outcome = async (clientName: string) => await made.ask({ ...credentials, clientName });
    const allowed = await outcome('allow');
    expect(allowed).toMatchObject({ allowed: true, principal: { clientName: 'allow', verified: true } });
    // No rules: none.
    expect(allowed?.allowed === true && allowed.principal.mayPublish('a', 0, false)).toBe(false);
    expect(hashInVain).not.toHaveBeenCalled();
    for (const times of [1, 2]) {
      expect(await outcome('deny')).toBe(REFUSED);
      expect(hashInVain).toHaveBeenCalledTimes(times);
    }
    expect(await outcome('ignore')).toBeUndefined();
  });

  it('is not asked about who says no name, one that could reach further, or not the one of his certificate', async () => {
    const { asked, made } = await authenticator(answering({ result: 'allow' }));
    for (const clientName of ['', '+', 'a/b', '$SYS'])
      expect(await made.ask({ ...credentials, clientName })).toBeUndefined();
    const byCertificate = { ...credentials, password: undefined, certificateName: 'acme/other' };
    expect(await made.ask(byCertificate)).toMatchObject({ allowed: false });
    expect(asked.requests).toBe(0);
    expect(await made.ask({ ...byCertificate, certificateName: 'acme/bike' })).toMatchObject({
      allowed: true,
    });
  });

  it('is remembered for a while, for the same login only, and not if it was none', async () => {
    let broken = true;
    const { asked, clock, made } = await authenticator((body, response) => {
      if (broken) response.destroy();
      else response.end(body.includes('"wrong"') ? '{"result":"deny"}' : '{"result":"allow"}');
    });
    await expect(made.ask(credentials)).rejects.toThrow(/unavailable/);
    broken = false;
    const wrong = { ...credentials, password: Buffer.from('wrong') };
    for (let turn = 0; turn < 3; turn++) {
      expect(await made.ask(credentials)).toMatchObject({ allowed: true });
      expect(await made.ask(wrong)).toMatchObject({ allowed: false });
    }
    expect(asked.requests).toBe(3);
    for (const other of [{ clientId: 'x' as ClientId }, { address: '192.0.2.8' }, { level: 4 as const }])
      await made.ask({ ...credentials, ...other });
    await made.ask({ ...credentials, password: undefined });
    await made.ask({ ...credentials, password: Buffer.alloc(0) });
    expect(asked.requests).toBe(8);
    clock.advance(100);
    await made.ask(wrong);
    await made.ask(credentials);
    expect(asked.requests).toBe(9);
    clock.advance(900);
    await made.ask(credentials);
    expect(asked.requests).toBe(10);
    expect(made.remembered).toBeLessThanOrEqual(10);
  });

  it('is one answer for many who ask the same at a time', async () => {
    const { asked, made } = await authenticator(answering({ result: 'allow' }), { ttlMs: 0 });
    const all = await Promise.all(Array.from({ length: 500 }, () => made.ask(credentials)));
    expect(all.every((result) => result?.allowed)).toBe(true);
    expect(asked.requests).toBe(1);
    await made.ask(credentials);
    expect(asked.requests).toBe(2);
  });

  it('counts no more when the user was changed, also what is being asked', async () => {
    const held: ServerResponse[] = [];
    const { asked, clock, made } = await authenticator((_, response) => {
      held.push(response);
      if (held.length === 2) for (const each of held) each.end('{"result":"allow"}');
      if (held.length > 2) response.end('{"result":"deny"}');
    });
    const before = made.ask(credentials);
    made.forget([credentials]);
    clock.advance(1);
    expect(await made.ask(credentials)).toMatchObject({ allowed: true });
    await before;
    await made.ask(credentials);
    expect(asked.requests).toBe(2);
    made.forget([credentials]);
    clock.advance(1);
    expect(await made.ask(credentials)).toMatchObject({ allowed: false });
  });
});
