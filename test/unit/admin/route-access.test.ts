/** Who may use which route of the admin API, and what of it goes on the audit trail: a table that has to name every route there is. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { adminToken } from '../../../src/admin/access.ts';
import { LOCAL_PRINCIPAL, type AdminPrincipal } from '../../../src/admin/admin-principal.ts';
import { AdminServer } from '../../../src/admin/admin-server.ts';
import type { RouteScope } from '../../../src/admin/route-access.ts';
import { httpApp } from '../../../src/admin/http-app.ts';
import { guardRoutes } from '../../../src/admin/route-access.ts';
import type { AdminAction } from '../../../src/audit/audit-event.ts';
import { StoreUnavailableError } from '../../../src/errors/store-unavailable-error.ts';
import { parseTenantId, type TenantId } from '../../../src/tenancy/identity.ts';
import { MemoryAdminPort } from './memory-admin-port.ts';

interface Row {
  readonly body?: object;
  /** Of who may; default: 200. */
  readonly answer?: number;
  readonly scope: RouteScope;
  /** What a request with everything that it needs is, behind the path. */
  readonly query?: string;
  readonly audited?: AdminAction;
  /** Default: true. */
  readonly refusalIsNoted?: boolean;
}

const ROUTES: Readonly<Record<string, Row>> = {
  'GET /api/v1/status': { scope: 'everybody' },
  'GET /api/v1/members': { scope: 'installation' },
  'GET /api/v1/tenants': { scope: 'everybody' },
  'POST /api/v1/tenants': {
    scope: 'installation',
    body: { tenant: 'town' },
    answer: 201,
    audited: 'tenant.create',
  },
  'GET /api/v1/tenant': { scope: 'tenant', query: 'tenant=city' },
  'PATCH /api/v1/tenant': {
    scope: 'installation',
    query: 'tenant=city',
    body: { limits: {} },
    audited: 'tenant.change',
  },
  'POST /api/v1/tenant/suspend': { scope: 'installation', query: 'tenant=city', audited: 'tenant.suspend' },
  'POST /api/v1/tenant/resume': { scope: 'installation', query: 'tenant=city', audited: 'tenant.resume' },
  'DELETE /api/v1/tenant': {
    scope: 'installation',
    query: 'tenant=city',
    answer: 202,
    audited: 'tenant.delete',
  },
  'GET /api/v1/sessions': { scope: 'tenant' },
  'GET /api/v1/session': { scope: 'tenant', query: 'client=a' },
  'DELETE /api/v1/session': { scope: 'tenant', query: 'client=a', audited: 'session.disconnect' },
  'GET /api/v1/session/past': { scope: 'tenant', query: 'client=a&at=-0s' },
  'GET /api/v1/queues': { scope: 'tenant' },
  'GET /api/v1/queue': { scope: 'tenant', query: 'client=a' },
  'DELETE /api/v1/queue/messages': { scope: 'tenant', query: 'client=a', audited: 'queue.purge' },
  'POST /api/v1/drain': { scope: 'installation', audited: 'drain.begin' },
  'GET /api/v1/drain': { scope: 'installation' },
  'DELETE /api/v1/drain': { scope: 'installation', audited: 'drain.cancel' },
  'GET /api/v1/events': { scope: 'tenant' },
  'GET /api/v1/audit': { scope: 'tenant' },
  'POST /api/v1/audit': {
    scope: 'installation',
    body: { action: 'user.add', target: 'bike', outcome: 'begun' },
    audited: 'user.add',
    refusalIsNoted: false,
  },
};

const CITY = parseTenantId('city') ?? ('' as TenantId);
const PRINCIPALS: readonly AdminPrincipal[] = [
  LOCAL_PRINCIPAL,
  { name: 'watcher', role: 'viewer', tenant: undefined },
  { name: 'city-admin', role: 'admin', tenant: CITY },
  { name: 'city-watcher', role: 'viewer', tenant: CITY },
];

const document = z.object({ paths: z.record(z.string(), z.record(z.string(), z.looseObject({}))) });

let port: MemoryAdminPort;
let server: AdminServer;

/** As it is at the beginning: every client that is asked for has everything. */
function fill(): void {
  for (const list of [port.sessions, port.queues, port.past, port.changes, port.refusals]) list.length = 0;
  for (const tenant of [CITY, 'default' as TenantId]) {
    port.addSession('a', { tenant });
    port.addQueue('a', 1, tenant);
    port.addPast('a', 0);
  }
}

beforeEach(async () => {
  port = new MemoryAdminPort();
  fill();
  await port.tenants.create(CITY, {});
  server = new AdminServer({
    port,
    tokens: () => PRINCIPALS.map((principal) => adminToken(principal.name, principal)),
    metricsNeedToken: true,
    allowedHosts: [],
    version: '1',
    nowMs: () => 1_700_003_600_000,
    onError: () => undefined,
  });
});
afterEach(() => server.close());

async function call(principal: string, method: string, url: string, payload?: object) {
  const { statusCode, body } = await server.app.inject({
    method: method as 'GET',
    url,
    headers: { authorization: `Bearer ${principal}`, 'user-agent': 'spoke (alice@host)' },
    ...(payload && { payload }),
  });
  const json: unknown = body.startsWith('{') ? JSON.parse(body) : body;
  return { status: statusCode, body: json };
}

describe('every route of the OpenAPI document', () => {
  it('is in this table, with its scope, and on the audit trail if it changes something', async () => {
    const { body } = await call('local', 'GET', '/openapi.json');
    const declared = Object.entries(document.parse(body).paths)
      .filter(([path]) => path.startsWith('/api/'))
      .flatMap(([path, operations]) =>
        Object.entries(operations).map(([method, operation]) => ({
          route: `${method.toUpperCase()} ${path}`,
          scope: operation['x-scope'],
          role: operation['x-role'],
          audited: operation['x-audited'] === true,
        })),
      );
    expect(declared.toSorted((a, b) => a.route.localeCompare(b.route))).toEqual(
      Object.entries(ROUTES)
        .map(([route, { scope, audited }]) => ({
          route,
          scope,
          role: route.startsWith('GET ') ? 'viewer' : 'admin',
          audited: audited !== undefined,
        }))
        .toSorted((a, b) => a.route.localeCompare(b.route)),
    );
  });

  it.each(PRINCIPALS)('lets $name in as the table says', async (principal) => {
    for (const [route, row] of Object.entries(ROUTES)) {
      const { scope, query = '', body: sent, answer = 200, audited, refusalIsNoted = true } = row;
      fill();
      const [method = '', path = ''] = route.split(' ');
      const { status, body } = await call(principal.name, method, `${path}?${query}`, sent);
      const hasRole = method === 'GET' || principal.role === 'admin';
      const may = hasRole && (principal.tenant === undefined || scope !== 'installation');
      expect(status, route).toBe(may ? answer : 403);
      const refusal = { code: 'FORBIDDEN', fix: expect.stringMatching(/token/) as unknown };
      if (!may) expect(body, route).toMatchObject(refusal);
      const change = {
        kind: 'administrativeChange',
        who: principal.name,
        agent: 'spoke (alice@host)',
        address: '127.0.0.1',
        action: audited,
      };
      const begun = expect.objectContaining({ ...change, outcome: 'begun' }) as unknown;
      expect(port.changes, route).toEqual(audited !== undefined && may ? [begun] : []);
      const refused = expect.objectContaining({ ...change, outcome: 'refused' }) as unknown;
      expect(port.refusals, route).toEqual(audited !== undefined && !may && refusalIsNoted ? [refused] : []);
    }
  });
});

describe('a principal with a tenant', () => {
  it('gets its own tenant where it names none, and no other', async () => {
    expect((await call('city-admin', 'GET', '/api/v1/sessions')).body).toMatchObject({
      items: [{ tenant: 'city' }],
    });
    expect((await call('city-admin', 'GET', '/api/v1/session?client=a')).body).toMatchObject({
      tenant: 'city',
    });
    expect((await call('city-admin', 'GET', '/api/v1/session?client=a&tenant=city')).status).toBe(200);
    for (const tenants of ['tenant=default', 'tenant=', 'tenant=city&tenant=default'])
      expect(await call('city-admin', 'GET', `/api/v1/sessions?${tenants}`), tenants).toMatchObject({
        status: 403,
        body: { message: 'the token "city-admin" is of tenant "city" only' },
      });
  });

  it('changes nothing of another tenant, and the attempt is on the trail', async () => {
    const url = '/api/v1/session?client=a&tenant=default&discard=true';
    expect((await call('city-admin', 'DELETE', url)).status).toBe(403);
    expect(port.sessions).toHaveLength(2);
    expect(port.refusals).toMatchObject([
      { action: 'session.discard', tenant: 'default', target: 'a', outcome: 'refused', who: 'city-admin' },
    ]);
  });

  it('sees of the status what is its own', async () => {
    const { body } = await call('city-admin', 'GET', '/api/v1/status');
    expect(body).toMatchObject({ brokerId: 'spoke-1', tenants: [] });
    expect(JSON.stringify(body)).not.toContain('400000');
    expect(JSON.stringify((await call('watcher', 'GET', '/api/v1/status')).body)).toContain('400000');
  });

  it('reads of the audit trail what is its own', async () => {
    const login = { kind: 'refusedLogin', clientName: 'x', clientId: 'a', address: '192.0.2.1' } as const;
    const how = { method: 'password', reason: 'badUserNameOrPassword' };
    port.addAudited({ ...login, ...how, tenant: CITY });
    port.addAudited({ ...login, ...how, tenant: 'default' as TenantId });
    const { body } = await call('city-watcher', 'GET', '/api/v1/audit?since=start');
    expect(String(body).trim().split('\n')).toHaveLength(1);
    expect(body).toContain('"tenant":"city"');
    const { body: two } = await call('local', 'GET', '/api/v1/audit?since=start&kind=refusedLogin');
    expect(String(two).trim().split('\n')).toHaveLength(2);
    const { body: first } = await call('local', 'GET', '/api/v1/audit?since=start&limit=1');
    expect(String(first).trim().split('\n')).toHaveLength(1);
  });

  it('gets no metrics where they want a token', async () => {
    expect((await call('city-admin', 'GET', '/metrics')).status).toBe(403);
    expect((await call('nobody', 'GET', '/metrics')).status).toBe(401);
    expect((await call('watcher', 'GET', '/metrics?x=1')).status).toBe(200);
    for (const open of ['/healthz', '/openapi.json'])
      expect((await call('nobody', 'GET', open)).status).toBe(200);
  });
});

describe('the audit trail', () => {
  it('has a change before it is made, and again when it failed', async () => {
    expect((await call('local', 'DELETE', '/api/v1/session?client=nobody')).status).toBe(404);
    const change = { action: 'session.disconnect', tenant: 'default', target: 'nobody' };
    expect(port.changes).toMatchObject([
      { ...change, outcome: 'begun' },
      { ...change, outcome: 'failed', reason: expect.stringContaining('NOT_FOUND') as unknown },
    ]);
  });

  it('has nothing of a request that could not be understood', async () => {
    expect((await call('local', 'DELETE', '/api/v1/session')).status).toBe(400);
    expect(port.changes).toEqual([]);
  });

  it('is what a change cannot be made without', async () => {
    port.auditFailure = new StoreUnavailableError('Kafka topic spoke.audit', 'try again');
    expect(await call('local', 'DELETE', '/api/v1/session?client=a&discard=true')).toMatchObject({
      status: 503,
      body: { code: 'AUDIT_UNAVAILABLE', message: expect.stringContaining('nothing was changed') as unknown },
    });
    expect(port.sessions).toHaveLength(2);
    expect((await call('local', 'GET', '/api/v1/sessions')).status).toBe(200);
  });

  it('notes whoever comes without a token, or with a wrong one', async () => {
    for (const token of ['guess-one', ''])
      expect((await call(token, 'GET', '/api/v1/status')).status).toBe(401);
    expect(port.refusals).toHaveLength(2);
    expect(port.refusals[0]).toEqual({
      kind: 'refusedLogin',
      tenant: undefined,
      clientName: '',
      clientId: '',
      address: '127.0.0.1',
      method: 'adminToken',
      reason: 'notAuthorized',
    });
  });
});

describe('a route cannot be registered', () => {
  const app = () => {
    const bare = httpApp({ allowedHosts: [], onError: () => undefined });
    guardRoutes(bare, { tokens: () => [], closed: [], port });
    return bare;
  };
  const summary = 'Something';

  it('without a scope', () => {
    expect(() => app().get('/api/v1/new', { schema: { summary } }, () => 1)).toThrow(
      /does not say its scope/,
    );
  });

  it('with a change that has no name', () => {
    expect(() => app().put('/api/v1/new', { schema: { summary, scope: 'installation' } }, () => 1)).toThrow(
      /audit trail/,
    );
  });

  it('about a tenant that it cannot name', () => {
    expect(() => app().get('/api/v1/new', { schema: { summary, scope: 'tenant' } }, () => 1)).toThrow(
      /no parameter/,
    );
    expect(() =>
      app().get('/api/v1/new/:tenant', { schema: { summary, scope: 'tenant' } }, () => 1),
    ).not.toThrow();
  });
});
