/** What commands change without a broker is on the audit trail: by the broker that runs, or else by the next start of it. */
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ensureAdminToken } from '../../../src/adapters/file/admin-token.ts';
import { takePendingChanges, type PendingChange } from '../../../src/adapters/file/pending-changes.ts';
import { adminToken } from '../../../src/admin/access.ts';
import { LOCAL_PRINCIPAL } from '../../../src/admin/admin-principal.ts';
import { AdminServer } from '../../../src/admin/admin-server.ts';
import { StoreUnavailableError } from '../../../src/errors/store-unavailable-error.ts';
import { MemoryAdminPort } from '../admin/memory-admin-port.ts';
import { CliHarness } from './cli-harness.ts';

let directory: string;
let data: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'spoke-recorded-'));
  data = join(directory, 'data');
});
afterEach(() => rm(directory, { recursive: true }));

function spoke(words: string, adminPort = 1) {
  const environment = { SPOKE_ADMIN_PORT: String(adminPort) };
  const args = [...words.split(' '), '--password-stdin', '--cost', '10'];
  const harness = new CliHarness({ directory, environment, stdin: 'a-password' });
  return harness.run(...(words.includes('remove') ? words.split(' ') : args));
}

async function taken(): Promise<readonly PendingChange[]> {
  const changes: PendingChange[] = [];
  await takePendingChanges(data, (change) => {
    changes.push(change);
    return Promise.resolve();
  });
  return changes;
}

async function server(): Promise<{ server: AdminServer; port: MemoryAdminPort; listening: number }> {
  const port = new MemoryAdminPort();
  const token = await ensureAdminToken(data);
  const admin = new AdminServer({
    port,
    tokens: () => [adminToken(token, LOCAL_PRINCIPAL)],
    metricsNeedToken: false,
    allowedHosts: [],
    version: '1',
    nowMs: () => 0,
    onError: () => undefined,
  });
  return { server: admin, port, listening: Number(new URL(await admin.listen('127.0.0.1', 0)).port) };
}

it('by the broker, before it is made and again when it failed', async () => {
  const { server: admin, port, listening } = await server();
  expect((await spoke('user add city/bike', listening)).code).toBe(0);
  expect((await spoke('user add city/bike', listening)).code).toBe(1);
  const change = {
    kind: 'administrativeChange',
    who: 'local',
    agent: expect.stringContaining('(tester@here)') as unknown,
    action: 'user.add',
    tenant: 'city',
    target: 'city/bike',
  };
  expect(port.changes).toMatchObject([
    { ...change, outcome: 'begun' },
    { ...change, outcome: 'begun' },
    { ...change, outcome: 'failed', reason: expect.stringContaining('city/bike') as unknown },
  ]);
  expect(await taken()).toEqual([]);
  await admin.close();
});

it('by its next start where none answers, or the one that does cannot record it now', async () => {
  const { server: admin, port, listening } = await server();
  port.auditFailure = new StoreUnavailableError('the log', 'try again');
  await spoke('user add bike', listening);
  await admin.close();
  await spoke('user passwd bike', listening);
  await spoke('user remove bike');
  expect(await taken()).toMatchObject(
    ['user.add', 'user.password', 'user.remove'].map((action) => ({
      action,
      tenant: 'default',
      target: 'default/bike',
      outcome: 'begun',
      agent: expect.stringContaining('(tester@here)') as unknown,
      atMs: expect.any(Number) as unknown,
    })),
  );
  expect(await taken()).toEqual([]);
});

it('in vain where the data directory cannot be written to, which is said', async () => {
  await writeFile(data, 'no directory');
  const { code, err } = await spoke('user add bike');
  expect(code).toBe(0);
  expect(err).toContain('warning: this change is not on the audit trail');
});

it('once more when the start before did not come to its end; half a line is none', async () => {
  await spoke('user add bike');
  const failing = takePendingChanges(data, () => Promise.reject(new Error('the log is away')));
  await expect(failing).rejects.toThrow('away');
  await spoke('user remove bike');
  await writeFile(join(data, 'audit-pending.jsonl'), `${await pending()}{"action":"user.a`);
  await chmod(join(data, 'audit-pending.jsonl'), 0o600);
  expect((await taken()).map(({ action }) => action)).toEqual(['user.add', 'user.remove']);
  expect(await taken()).toEqual([]);
});

async function pending(): Promise<string> {
  return await readFile(join(data, 'audit-pending.jsonl'), 'utf8');
}
