/** A broker whose audit trail cannot be written to: changes are refused, clients are served and refused as ever, and what is not recorded is counted. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, sep } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { nodeFileSystem, type FileSystem, type OpenFile } from '../../src/adapters/embedded/file-system.ts';
import { adminTokenFile } from '../../src/adapters/file/admin-token.ts';
import { startBroker } from '../../src/app/broker-process.ts';
import { configSchema } from '../../src/app/config-schema.ts';
import { createLogger } from '../../src/app/logging.ts';
import type { RunningBroker } from '../../src/app/running-broker.ts';
import { RawClient } from '../support/raw-client.ts';

let directory: string;
let broker: RunningBroker;
let isFull = false;

/** A disk that has no room for the audit trail. */
const fileSystem: FileSystem = {
  ...nodeFileSystem,
  async open(path, mode) {
    const file = await nodeFileSystem.open(path, mode);
    return path.includes(`${sep}audit${sep}`) ? fillingUp(file) : file;
  },
};

function fillingUp(file: OpenFile): OpenFile {
  return {
    read: (target, position) => file.read(target, position),
    readSync: (target, position) => file.readSync(target, position),
    writeSync: (chunk, position) => {
      file.writeSync(chunk, position);
    },
    datasync: () => file.datasync(),
    truncate: (bytes) => file.truncate(bytes),
    size: () => file.size(),
    close: () => file.close(),
    write: (chunks, position) =>
      isFull
        ? Promise.reject(Object.assign(new Error('no space left on device'), { code: 'ENOSPC' }))
        : file.write(chunks, position),
  };
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'spoke-audit-away-'));
  const config = configSchema.parse({
    dataDirectory: directory,
    durability: 'os',
    listeners: [{ transport: 'tcp', port: 0 }],
    admin: { port: 0 },
  });
  const output = { write: () => undefined, isTerminal: false };
  broker = await startBroker(config, createLogger({ level: 'silent', format: 'json' }, output), fileSystem);
});
afterAll(async () => {
  isFull = false;
  await broker.stop();
  await rm(directory, { recursive: true });
});

async function ask(path: string, method = 'GET'): Promise<{ status: number; text: string }> {
  const token = (await readFile(adminTokenFile(directory), 'utf8')).trim();
  const headers = { authorization: `Bearer ${token}` };
  const response = await fetch(new URL(path, broker.adminUrl), { method, headers });
  return { status: response.status, text: await response.text() };
}

async function connect(username?: string): Promise<{ client: RawClient; reasonCode: number }> {
  const port = broker.listeners[0]?.port ?? 0;
  const client = await RawClient.open({ transport: 'tcp', port, level: 5 });
  client.sendConnect({ clientId: 'c-1', ...(username === undefined ? {} : { username }) });
  return { client, reasonCode: (await client.expect('connack')).reasonCode ?? 0 };
}

it('changes are refused and clients are not held up, until it can be written to again', async () => {
  const { client } = await connect();
  isFull = true;
  const refused = await ask('/api/v1/session?client=c-1', 'DELETE');
  expect([refused.status, JSON.parse(refused.text)]).toMatchObject([503, { code: 'AUDIT_UNAVAILABLE' }]);
  await client.roundTrip();
  const stranger = await connect('no tenant/x');
  expect(stranger.reasonCode).not.toBe(0);
  stranger.client.destroy();
  const lost = /^spoke_audit_lost_total 1$/m;
  while (!lost.test((await ask('/metrics')).text)) await new Promise((resolve) => setImmediate(resolve));
  expect((await ask('/health/ready')).status).toBe(200);
  await client.roundTrip();
  isFull = false;
  let again = await ask('/api/v1/session?client=c-1', 'DELETE');
  while (again.status === 503) again = await ask('/api/v1/session?client=c-1', 'DELETE');
  expect(again.status).toBe(200);
  expect(await client.next()).toMatchObject({ cmd: 'disconnect' });
  client.destroy();
});
