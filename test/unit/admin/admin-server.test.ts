import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AdminServer } from '../../../src/admin/admin-server.ts';
import { adminToken } from '../../../src/admin/access.ts';
import { LOCAL_PRINCIPAL } from '../../../src/admin/admin-principal.ts';
import { STREAMS_MAX } from '../../../src/admin/log-stream.ts';
import { MemoryAdminPort } from './memory-admin-port.ts';

const TOKEN = 'a-token-of-this-test';
/** An hour after the first event of a `MemoryAdminPort`. */
const NOW_MS = 1_700_003_600_000;
const AUTHORIZED = { authorization: `Bearer ${TOKEN}` };

let port: MemoryAdminPort;
let server: AdminServer;
let failures: unknown[];

beforeEach(() => {
  port = new MemoryAdminPort();
  failures = [];
  const onError = (error: unknown) => void failures.push(error);
  server = new AdminServer({
    port,
    tokens: () => [adminToken(TOKEN, LOCAL_PRINCIPAL)],
    metricsNeedToken: false,
    allowedHosts: ['Broker.Example'],
    version: '1.2.3',
    nowMs: () => NOW_MS,
    onError,
  });
});
afterEach(() => server.close());

async function call(method: 'GET' | 'DELETE', url: string, headers: Record<string, string> = AUTHORIZED) {
  const { statusCode, body } = await server.app.inject({ method, url, headers });
  const json: unknown = body.startsWith('{') ? JSON.parse(body) : body;
  return { status: statusCode, body: json };
}

describe('access', () => {
  it('wants the token below /api and nowhere else', async () => {
    for (const headers of [{}, { authorization: 'Bearer wrong' }, { authorization: TOKEN }])
      expect(await call('GET', '/api/v1/status', headers)).toMatchObject({
        status: 401,
        body: { code: 'UNAUTHORIZED', fix: expect.stringContaining('admin-token') as unknown },
      });
    expect((await call('GET', '/api/v1/status')).status).toBe(200);
    for (const open of ['/metrics', '/health/live', '/health/ready', '/healthz', '/readyz', '/openapi.json'])
      expect((await call('GET', open, {})).status, open).toBe(200);
  });

  it('tells nothing about paths below /api without the token', async () => {
    expect((await call('GET', '/api/v1/nothing', {})).status).toBe(401);
    expect(await call('GET', '/api/v1/nothing')).toMatchObject({
      status: 404,
      body: { fix: 'See /openapi.json' },
    });
  });

  it.each(['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', 'a b'])(
    'refuses a request addressed to %s: a page may have rebound that name',
    async (host) => {
      expect(await call('GET', '/metrics', { host })).toMatchObject({
        status: 403,
        body: { code: 'HOST_REFUSED' },
      });
    },
  );

  it.each(['localhost', 'LOCALHOST:9883', '127.0.0.1:9883', '[::1]:9883', '10.1.2.3', 'broker.example:80'])(
    'takes a request addressed to %s',
    async (host) => {
      expect((await call('GET', '/healthz', { host })).status).toBe(200);
    },
  );
});

describe('sessions', () => {
  beforeEach(() => {
    for (const name of ['bike-1', 'bike-2', 'car-1']) port.addSession(name);
    port.addSession('../x y/ü?', { connected: false });
  });

  it('come in pages', async () => {
    const first = await call('GET', '/api/v1/sessions?limit=3');
    expect(first.body).toMatchObject({
      items: [{ clientId: 'bike-1' }, { clientId: 'bike-2' }, { clientId: 'car-1' }],
      next: '3',
    });
    const second = await call('GET', '/api/v1/sessions?limit=3&cursor=3');
    expect(second.body).toEqual({ items: [expect.objectContaining({ connected: false })] });
  });

  it('can be searched', async () => {
    expect((await call('GET', '/api/v1/sessions?match=bike')).body).toMatchObject({ items: [{}, {}] });
    expect((await call('GET', '/api/v1/sessions?connected=false')).body).toMatchObject({
      items: [{ connected: false }],
    });
    expect((await call('GET', '/api/v1/sessions?tenant=other')).body).toEqual({ items: [] });
  });

  it('are found by any client identifier there can be', async () => {
    const query = new URLSearchParams({ client: '../x y/ü?' });
    expect((await call('GET', `/api/v1/session?${query.toString()}`)).body).toMatchObject({
      clientId: '../x y/ü?',
    });
    expect(await call('GET', '/api/v1/session?client=nobody')).toMatchObject({
      status: 404,
      body: { code: 'NOT_FOUND' },
    });
  });

  it('are told as they were', async () => {
    port.addPast('bike-1', 1_700_000_000_000);
    expect(await call('GET', '/api/v1/session/past?client=bike-1&at=-90s')).toMatchObject({
      status: 200,
      body: { atMs: NOW_MS - 90_000, clientId: 'bike-1', record: { timestampMs: 1_700_000_000_000 } },
    });
    expect(await call('GET', '/api/v1/session/past?client=bike-1&at=-2h')).toMatchObject({
      status: 404,
      body: { code: 'NOT_FOUND' },
    });
    expect(await call('GET', '/api/v1/session/past?client=bike-1&at=2h')).toMatchObject({
      status: 400,
      body: { message: 'at is "2h", which is no moment', fix: expect.stringContaining('-2h') as unknown },
    });
  });

  it('are kicked, and discarded when asked', async () => {
    expect(await call('DELETE', '/api/v1/session?client=bike-1')).toEqual({
      status: 200,
      body: { kicked: true, discarded: false },
    });
    expect(await call('DELETE', '/api/v1/session?client=bike-1')).toMatchObject({
      status: 409,
      body: { code: 'NOT_CONNECTED' },
    });
    expect(await call('DELETE', '/api/v1/session?client=bike-1&discard=true')).toEqual({
      status: 200,
      body: { kicked: false, discarded: true },
    });
    expect((await call('DELETE', '/api/v1/session?client=bike-1')).status).toBe(404);
  });

  it.each([
    ['/api/v1/sessions?limit=0', 'limit'],
    ['/api/v1/sessions?limit=1001', 'limit'],
    ['/api/v1/sessions?conected=true', 'additional properties'],
    ['/api/v1/sessions?tenant=a%2Fb', 'tenant'],
    ['/api/v1/session', 'client'],
    ['/api/v1/session?client=', 'client'],
  ])('refuses %s and says why', async (url, about) => {
    expect(await call('GET', url)).toMatchObject({
      status: 400,
      body: {
        code: 'BAD_REQUEST',
        message: expect.stringContaining(about) as unknown,
        fix: expect.any(String) as unknown,
      },
    });
  });
});

describe('queues', () => {
  it('are listed, shown and purged', async () => {
    port.addQueue('bike-1', 7);
    expect((await call('GET', '/api/v1/queues')).body).toMatchObject({
      items: [{ clientId: 'bike-1', messages: 7 }],
    });
    expect((await call('GET', '/api/v1/queue?client=bike-1')).body).toMatchObject({
      quota: { policy: 'reject' },
    });
    expect(await call('DELETE', '/api/v1/queue/messages?client=bike-1')).toEqual({
      status: 200,
      body: { messages: 7 },
    });
    expect((await call('DELETE', '/api/v1/queue/messages?client=bike-1')).status).toBe(404);
  });
});

describe('health', () => {
  it('is not readiness', async () => {
    port.reasons = ['the snapshot is being read'];
    for (const path of ['/health/live', '/healthz']) expect((await call('GET', path, {})).status).toBe(200);
    for (const path of ['/health/ready', '/readyz'])
      expect(await call('GET', path, {})).toEqual({
        status: 503,
        body: { ready: false, reasons: ['the snapshot is being read'] },
      });
  });

  it('answers a failure of the broker with 500 and reports it', async () => {
    port.metrics = () => Promise.reject(new Error('gauge broke'));
    expect(await call('GET', '/metrics')).toMatchObject({
      status: 500,
      body: { code: 'INTERNAL', message: 'gauge broke' },
    });
    expect(failures).toEqual([expect.objectContaining({ message: 'gauge broke' })]);
  });
});

describe('events', () => {
  beforeEach(() => {
    port.addEvent('SessionOpened', 'bike-1');
    port.addEvent('Subscribed', 'bike-2');
  });

  async function lines(url: string): Promise<readonly unknown[]> {
    const { body } = await server.app.inject({ method: 'GET', url, headers: AUTHORIZED });
    return body
      .split('\n')
      .filter((line) => line !== '')
      .map((line): unknown => JSON.parse(line));
  }

  it('are JSON lines from a cursor to the end of the log', async () => {
    expect(await lines('/api/v1/events')).toMatchObject([
      { event: 'SessionOpened' },
      { event: 'Subscribed' },
    ]);
    expect(await lines('/api/v1/events?since=1')).toMatchObject([{ event: 'Subscribed' }]);
    expect(await lines('/api/v1/events?client=bike-1')).toMatchObject([{ clientId: 'bike-1' }]);
    expect(await lines('/api/v1/events?since=now')).toEqual([]);
  });

  it('begin and end at a time', async () => {
    expect(await lines('/api/v1/events?since=2023-11-14T22:13:20.001Z')).toMatchObject([
      { event: 'Subscribed' },
    ]);
    expect(await lines('/api/v1/events?since=-1h&until=2023-11-14T22:13:20Z')).toMatchObject([
      { event: 'SessionOpened' },
    ]);
    expect(await lines('/api/v1/events?since=-30m')).toEqual([]);
  });

  it('refuse a time that compaction may have been to', async () => {
    port.completeFromMs = 1_700_000_000_000;
    expect(await call('GET', '/api/v1/events?since=-2h')).toMatchObject({
      status: 410,
      body: { code: 'BEYOND_LOG' },
    });
  });

  it.each(['since=yesterday', 'since=', 'until=soon', 'until=-1h&follow=true', 'since=-1h&until=-2h'])(
    'refuse %s',
    async (query) => {
      expect(await call('GET', `/api/v1/events?${query}`)).toMatchObject({
        status: 400,
        body: { code: 'BAD_REQUEST', fix: expect.any(String) as unknown },
      });
    },
  );

  it('are server-sent events for who accepts those', async () => {
    const headers = { ...AUTHORIZED, accept: 'text/event-stream' };
    const { body } = await server.app.inject({ method: 'GET', url: '/api/v1/events?since=1', headers });
    expect(body).toMatch(/^: tail\n\nid: 2\ndata: \{.*"event":"Subscribed".*\}\n\n$/);
  });

  it('are followed as they happen, until the reader leaves', async () => {
    const { lines: received, response } = await follow();
    expect(port.openTails).toBe(1);
    port.addEvent('SessionClosed', 'bike-1');
    expect((await received.next()).value).toContain('SessionClosed');
    response.destroy();
    await untilNoTails();
    port.addEvent('SessionClosed', 'bike-2');
  });

  it('end when the server closes', async () => {
    const url = await server.listen('127.0.0.1', 0);
    const response = await open(`${url}/api/v1/events?follow=true`);
    await once(response, 'data');
    const ended = once(response, 'close');
    await server.close();
    await ended;
    expect(port.openTails).toBe(0);
  });

  it('are bounded in readers', async () => {
    const url = await server.listen('127.0.0.1', 0);
    const tails = await Promise.all(
      Array.from({ length: STREAMS_MAX }, () => open(`${url}/api/v1/events?follow=true`)),
    );
    const refused = await open(`${url}/api/v1/events`);
    expect(refused.statusCode).toBe(503);
    for (const response of [...tails, refused]) response.destroy();
  });

  async function follow() {
    const url = await server.listen('127.0.0.1', 0);
    const response = await open(`${url}/api/v1/events?follow=true&since=now`);
    const received = createInterface({ input: response })[Symbol.asyncIterator]();
    expect((await received.next()).value).toBe('');
    return { lines: received, response };
  }

  function open(url: string): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      httpRequest(url, { headers: AUTHORIZED, agent: false }, (response) => {
        response.on('error', () => undefined);
        resolve(response);
      })
        .on('error', reject)
        .end();
    });
  }

  async function untilNoTails(): Promise<void> {
    while (port.openTails > 0) await new Promise((resolve) => setImmediate(resolve));
  }
});

describe('drain', () => {
  const inject = async (method: 'GET' | 'POST' | 'DELETE', payload?: object) => {
    const url = '/api/v1/drain';
    const response = await server.app.inject({
      method,
      url,
      headers: AUTHORIZED,
      ...(payload && { payload }),
    });
    return { status: response.statusCode, body: response.json<unknown>() };
  };

  it('begins as it is by default, or as the body says', async () => {
    expect(await inject('POST')).toMatchObject({ status: 200, body: { phase: 'serving' } });
    await inject('POST', {
      ratePerS: 7,
      noticeMs: 0,
      serverReference: 'b:1883',
      moved: true,
      shutdown: true,
    });
    expect(port.drains).toEqual([
      { ratePerS: 100, noticeMs: 3_000, moved: false, shutdown: false, force: false },
      { ratePerS: 7, noticeMs: 0, serverReference: 'b:1883', moved: true, shutdown: true, force: false },
    ]);
  });

  it.each([{ ratePerS: 0 }, { rate: 5 }, { noticeMs: -1 }, { serverReference: '' }])(
    'refuses %o and begins nothing',
    async (payload) => {
      expect(await inject('POST', payload)).toMatchObject({ status: 400, body: { code: 'BAD_REQUEST' } });
      expect(port.drains).toEqual([]);
    },
  );

  it('tells how far it is, and is called off', async () => {
    port.drainSteps = [{ phase: 'moving', connected: 5, moved: 2, ratePerS: 100 }];
    expect((await inject('GET')).body).toEqual({ phase: 'moving', connected: 5, moved: 2, ratePerS: 100 });
    expect((await inject('DELETE')).body).toEqual({ phase: 'serving', connected: 3 });
  });

  it('is described with what its body may say', async () => {
    const { body } = await call('GET', '/openapi.json', {});
    expect(body).toMatchObject({
      paths: {
        '/api/v1/drain': {
          post: {
            requestBody: {
              content: { 'application/json': { schema: { properties: { ratePerS: { default: 100 } } } } },
            },
          },
        },
      },
    });
  });
});

describe('the OpenAPI document', () => {
  it('describes every path of the API, with its parameters and refusals', async () => {
    const { body } = await call('GET', '/openapi.json', {});
    expect(body).toMatchObject({
      openapi: '3.1.0',
      info: { version: '1.2.3' },
      paths: {
        '/api/v1/session': {
          get: {
            parameters: [
              { name: 'tenant', required: false },
              { name: 'client', required: true },
            ],
          },
          delete: { security: [{ token: [] }], responses: { '401': {}, '404': {}, '409': {} } },
        },
        '/metrics': { get: { responses: { '200': { content: { 'text/plain': {} } } } } },
      },
    });
    const paths = Object.keys((body as { paths: object }).paths);
    expect(paths).toEqual([
      '/metrics',
      '/health/live',
      '/healthz',
      '/health/ready',
      '/readyz',
      '/api/v1/status',
      '/api/v1/members',
      '/api/v1/tenants',
      '/api/v1/tenant',
      '/api/v1/tenant/suspend',
      '/api/v1/tenant/resume',
      '/api/v1/sessions',
      '/api/v1/session',
      '/api/v1/session/past',
      '/api/v1/queues',
      '/api/v1/queue',
      '/api/v1/queue/messages',
      '/api/v1/drain',
      '/api/v1/events',
      '/api/v1/audit',
    ]);
  });
});
