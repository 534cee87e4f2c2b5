/** What a broker that is starting says of itself, before it serves anybody. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { freePorts } from '../../engines/free-ports.ts';
import { nodeFileSystem } from '../../src/adapters/embedded/file-system.ts';
import type { FileSystem } from '../../src/adapters/embedded/file-system.ts';
import { adminTokenFile } from '../../src/adapters/file/admin-token.ts';
import { startBroker } from '../../src/app/broker-process.ts';
import { configSchema } from '../../src/app/config-schema.ts';
import { createLogger } from '../../src/app/logging.ts';
import { RunningBroker } from '../support/running-broker.ts';
import { disconnect, publish, subscribe } from './support/exchanges.ts';
import { MQTT_5, persistent } from './support/versions.ts';

/** A disk that holds up the opening of the session log until the test lets it go on, or lets it fail. */
function heldDisk() {
  let goOn: () => void = () => undefined;
  let fail: (error: Error) => void = () => undefined;
  let reached: () => void = () => undefined;
  const atTheGate = new Promise<void>((resolve) => (reached = resolve));
  const gate = new Promise<void>((resolve, reject) => {
    goOn = resolve;
    fail = reject;
  });
  const fileSystem: FileSystem = {
    ...nodeFileSystem,
    makeDirectory: async (directory) => {
      if (directory.endsWith(join('sessions', 'log'))) {
        reached();
        await gate;
      }
      await nodeFileSystem.makeDirectory(directory);
    },
  };
  return { fileSystem, atTheGate, goOn: () => goOn(), fail: (error: Error) => fail(error) };
}

async function starting() {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'spoke-startup-'));
  onTestFinished(() => rm(dataDirectory, { recursive: true, force: true }));
  const [mqttPort = 0, adminPort = 0] = await freePorts(2);
  const disk = heldDisk();
  const config = configSchema.parse({
    dataDirectory,
    listeners: [{ transport: 'tcp', port: mqttPort }],
    admin: { port: adminPort },
    log: { level: 'silent' },
  });
  const logger = createLogger(config.log, Object.assign(process.stderr, { isTerminal: true }));
  const started = startBroker(config, logger, disk.fileSystem);
  started.catch(() => undefined); // Whoever awaits it is told.
  await disk.atTheGate;
  const token = (await readFile(adminTokenFile(dataDirectory), 'utf8')).trim();
  const ask = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${adminPort}${path}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    const body = await response.text();
    return { status: response.status, body: body.startsWith('{') ? (JSON.parse(body) as unknown) : body };
  };
  return { disk, started, ask, mqttPort };
}

test('a broker that is starting lives, is not ready, says why, and listens for no client', async () => {
  const { disk, started, ask, mqttPort } = await starting();
  expect(await ask('/health/live')).toEqual({ status: 200, body: 'ok\n' });
  expect(await ask('/health/ready')).toEqual({
    status: 503,
    body: { ready: false, reasons: ['opening stores'] },
  });
  expect(await ask('/api/v1/sessions')).toMatchObject({
    status: 503,
    body: { code: 'STARTING', message: 'the broker is starting: opening stores' },
  });
  expect(await ask('/api/v1/status')).toMatchObject({
    body: { ready: false, startup: [{ phase: 'stores', done: false }], listeners: [], tenants: [] },
  });
  expect((await ask('/metrics')).body).toContain('spoke_startup_phase_seconds{phase="stores"}');
  await expect(connectionTo(mqttPort)).rejects.toThrow('ECONNREFUSED');

  disk.goOn();
  const broker = await started;
  onTestFinished(() => broker.stop());
  expect(await ask('/health/ready')).toEqual({ status: 200, body: { ready: true, reasons: [] } });
  expect(await ask('/api/v1/sessions')).toMatchObject({ status: 200 });
  await connectionTo(mqttPort);
});

test('a start that fails says why, and nothing is left listening', async () => {
  const { disk, started, ask } = await starting();
  disk.fail(new Error('the disk is on fire'));
  await expect(started).rejects.toThrow('the disk is on fire');
  await expect(ask('/health/live')).rejects.toThrow('fetch failed');
});

test('once ready the status has what each phase went through', async () => {
  const broker = await RunningBroker.forTest();
  const { client } = await broker.connect(MQTT_5, { clientId: 'bike-1', ...persistent(MQTT_5) });
  await subscribe(client, { topic: 'a', qos: 1 });
  await publish(client, { topic: 'retained', qos: 1, retain: true });
  await disconnect(client);
  // The stop takes a snapshot, so nothing of the log is left to apply.
  await broker.restart();
  const status = (await (await broker.admin('/api/v1/status')).json()) as { startup: unknown };
  expect(status.startup).toMatchObject([
    { phase: 'stores', done: true },
    { phase: 'sessionsSnapshot', count: 2, done: true },
    { phase: 'sessionsTail', count: 0, done: true },
    { phase: 'retainedSnapshot', count: 1, done: true },
    { phase: 'retainedTail', count: 0, done: true },
    { phase: 'orphanedSessions', count: 0, done: true },
    { phase: 'orphanedQueues', count: 0, done: true },
    { phase: 'listeners', done: true },
  ]);
  const metrics = await (await broker.admin('/metrics')).text();
  expect(metrics).toContain('spoke_startup_phase_items{phase="sessionsSnapshot"} 2');
});

function connectionTo(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port }, () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', reject);
  });
}
