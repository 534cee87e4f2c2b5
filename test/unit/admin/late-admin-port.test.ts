/** The admin API of a broker that has not come so far yet. */
import { expect, test } from 'vitest';
import { adminToken } from '../../../src/admin/access.ts';
import { LOCAL_PRINCIPAL } from '../../../src/admin/admin-principal.ts';
import { AdminServer } from '../../../src/admin/admin-server.ts';
import { LateAdminPort } from '../../../src/admin/late-admin-port.ts';
import { MemoryAdminPort } from './memory-admin-port.ts';

const headers = { authorization: 'Bearer token' };

test('while the broker starts it says how it is and refuses everything else; then it answers all', async () => {
  const early = new MemoryAdminPort();
  early.reasons = ['restoring sessions: snapshot, 400,000 rows'];
  const port = new LateAdminPort(early);
  const onError = (error: unknown): void => {
    throw error;
  };
  const server = new AdminServer({
    port,
    tokens: () => [adminToken('token', LOCAL_PRINCIPAL)],
    metricsNeedToken: false,
    allowedHosts: [],
    version: '1',
    nowMs: () => 0,
    onError,
  });
  const status = async (url: string, method: 'GET' | 'POST' | 'DELETE' = 'GET') =>
    (await server.app.inject({ method, url, headers })).statusCode;

  for (const url of ['/health/live', '/metrics', '/api/v1/status', '/openapi.json'])
    expect(await status(url), url).toBe(200);
  expect(await status('/health/ready')).toBe(503);
  const refused = [
    ['GET', '/api/v1/members'],
    ['GET', '/api/v1/sessions'],
    ['GET', '/api/v1/session?client=a'],
    ['GET', '/api/v1/session/past?client=a&at=-0s'],
    ['DELETE', '/api/v1/session?client=a'],
    ['GET', '/api/v1/drain'],
    ['POST', '/api/v1/drain'],
    ['DELETE', '/api/v1/drain'],
    ['GET', '/api/v1/queues'],
    ['GET', '/api/v1/queue?client=a'],
    ['DELETE', '/api/v1/queue/messages?client=a'],
    ['GET', '/api/v1/events'],
    ['GET', '/api/v1/events?since=1'],
    ['GET', '/api/v1/audit'],
    ['GET', '/api/v1/audit?since=start'],
  ] as const;
  for (const [method, url] of refused) {
    const response = await server.app.inject({ method, url, headers });
    expect([response.statusCode, response.json()], url).toMatchObject([
      503,
      { code: 'STARTING', message: 'the broker is starting: restoring sessions: snapshot, 400,000 rows' },
    ]);
  }

  const ready = new MemoryAdminPort();
  ready.addSession('a');
  ready.addQueue('a', 1);
  ready.addPast('a', 0);
  port.become(ready);
  for (const [method, url] of refused) expect(await status(url, method), url).toBe(200);
  expect(await status('/health/ready')).toBe(200);
  await server.close();
});
