import { afterEach, expect, test } from 'vitest';
import { ObservationServer } from '../../../src/admin/observation-server.ts';

let ready = true;
const failures: string[] = [];
const server = new ObservationServer({
  port: {
    metrics: () => (ready ? Promise.resolve('spoke_up 1\n') : Promise.reject(new Error('no numbers'))),
    readiness: () => ({ ready, reasons: ready ? [] : ['not in the group'] }),
  },
  allowedHosts: [],
  onError: (_error, request) => failures.push(request),
});

afterEach(() => {
  ready = true;
});

test('metrics, health and readiness are served, and nothing else', async () => {
  expect((await server.app.inject('/metrics')).body).toBe('spoke_up 1\n');
  expect((await server.app.inject('/healthz')).statusCode).toBe(200);
  expect((await server.app.inject('/readyz')).json()).toEqual({ ready: true, reasons: [] });
  expect((await server.app.inject('/api/v1/status')).statusCode).toBe(404);
});

test('what is wrong is said', async () => {
  ready = false;
  const answer = await server.app.inject('/readyz');
  expect(answer.statusCode).toBe(503);
  expect(answer.json()).toEqual({ ready: false, reasons: ['not in the group'] });
  expect((await server.app.inject('/metrics')).statusCode).toBe(500);
  expect(failures).toEqual(['GET /metrics']);
});

test('a name that this machine is not known by is refused', async () => {
  const answer = await server.app.inject({ url: '/metrics', headers: { host: 'evil.example' } });
  expect(answer.statusCode).toBe(403);
});

test('it listens where it is told, and stops', async () => {
  const url = await server.listen('127.0.0.1', 0);
  expect((await fetch(`${url}/metrics`)).status).toBe(200);
  await server.close();
  await expect(fetch(`${url}/metrics`)).rejects.toThrow();
});
