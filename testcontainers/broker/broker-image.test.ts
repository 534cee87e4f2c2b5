/** What the image promises: a broker that runs without rights, tells its health, keeps its data, and stops when it is told. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, connectAsync, type MqttClient } from 'mqtt';
import { getContainerRuntimeClient } from 'testcontainers';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { freePorts } from '../../engines/free-ports.ts';
import { brokerImage } from './broker-image.ts';
import { lockedDownContainer, type Ended, type LockedDownContainer } from './locked-down-container.ts';

const BUILD_MS_MAX = 300_000;
const HEALTHY_MS_MAX = 30_000;
const HEALTH_POLL_MS = 200;
/** Above shutdown.deadlineMs: SIGKILL would show as exit code 137. */
const GRACE_S = 20;
const MIB = 1_048_576;

const imageFacts = z.object({
  Size: z.number(),
  Config: z.object({ User: z.string() }),
});

const password = randomBytes(12).toString('base64url');
const users = `spokemq-test-users-${randomBytes(4).toString('hex')}`;
let image: string;
let facts: z.infer<typeof imageFacts>;
let port: number;
let broker: LockedDownContainer;

beforeAll(async () => {
  image = await brokerImage();
  const { container } = await getContainerRuntimeClient();
  facts = imageFacts.parse(await container.dockerode.getImage(image).inspect());
  console.info(`${image}: ${(facts.Size / MIB).toFixed(0)} MiB`);
  const added = await once({
    entrypoint: ['sh', '-c'],
    command: ['printf %s "$PASSWORD" | spoke user add bike-7 --password-stdin --cost 10'],
    environment: { PASSWORD: password, SPOKE_AUTH_USERS_FILE: '/etc/spokemq/users/users.yaml' },
    volumes: { [users]: '/etc/spokemq/users' },
  });
  expect(added, added.output).toMatchObject({ exitCode: 0 });
  [port = 0] = await freePorts(1);
  broker = await lockedDownContainer({
    image,
    command: ['start'],
    environment: {
      SPOKE_AUTH_MODE: 'file',
      SPOKE_AUTH_USERS_FILE: '/etc/spokemq/users/users.yaml',
      SPOKE_LISTENERS: '[{"transport":"tcp","host":"0.0.0.0","port":1883}]',
    },
    volumes: { [users]: '/etc/spokemq/users:ro' },
    ports: { 1883: port },
  });
  await broker.start();
  await healthy();
}, BUILD_MS_MAX);

afterAll(async () => {
  await broker.remove();
  const { container } = await getContainerRuntimeClient();
  await container.dockerode.getVolume(users).remove();
});

/** A container that does one thing and is gone. */
async function once(wish: Omit<Parameters<typeof lockedDownContainer>[0], 'image'>): Promise<Ended> {
  const container = await lockedDownContainer({ image, ...wish });
  try {
    return await container.run();
  } finally {
    await container.remove();
  }
}

/** Asked as Docker asks; podman would so only under systemd. */
async function healthy(): Promise<void> {
  const command = await broker.healthCommand();
  const deadlineMs = performance.now() + HEALTHY_MS_MAX;
  while ((await broker.exec(...command)).exitCode !== 0) {
    if (performance.now() > deadlineMs)
      throw new Error(`not healthy after ${HEALTHY_MS_MAX} ms: ${(await broker.ended()).output}`);
    await sleep(HEALTH_POLL_MS);
  }
}

async function client(clientId: string, options: { readonly clean?: boolean } = {}): Promise<MqttClient> {
  const connected = await connectAsync(`mqtt://127.0.0.1:${port}`, {
    clientId,
    username: 'bike-7',
    password,
    clean: options.clean ?? true,
    reconnectPeriod: 0,
  });
  onTestFinished(async () => {
    await connected.endAsync(true);
  });
  return connected;
}

function nextMessage(from: MqttClient): Promise<string> {
  return new Promise((resolve) => {
    from.once('message', (topic, payload) => {
      resolve(`${topic}: ${payload.toString()}`);
    });
  });
}

test('nothing runs as root, and nothing can be written but the data', async () => {
  expect(facts.Config.User).toBe('10001:10001');
  expect((await broker.exec('id', '-u')).output.trim()).toBe('10001');
  for (const file of ['/opt/spokemq/x', '/etc/spokemq/users/x', '/etc/x'])
    expect((await broker.exec('touch', file)).exitCode, file).not.toBe(0);
  expect(await broker.exec('touch', '/data/x')).toMatchObject({ exitCode: 0 });
});

test('the image has no npm and no sources', async () => {
  expect((await broker.exec('sh', '-c', 'command -v npm')).exitCode).not.toBe(0);
  expect((await broker.exec('sh', '-c', 'ls /opt/spokemq')).output.split(/\s+/).filter(Boolean)).toEqual([
    'LICENSE',
    'coprocessor',
    'dist',
    'node_modules',
    'package.json',
    'schemas',
  ]);
});

test('the health check is bad where no broker answers', async () => {
  const elsewhere = await broker.exec('env', 'SPOKE_ADMIN_PORT=1', ...(await broker.healthCommand()));
  expect(elsewhere.exitCode).not.toBe(0);
});

test('clients with a password publish and subscribe, others do not get in', async () => {
  const subscriber = await client('subscriber');
  await subscriber.subscribeAsync('bikes/+/state', { qos: 1 });
  const message = nextMessage(subscriber);
  const publisher = await client('publisher');
  await publisher.publishAsync('bikes/7/state', 'locked', { qos: 1 });
  expect(await message).toBe('bikes/7/state: locked');
  const stranger = connectAsync(`mqtt://127.0.0.1:${port}`, {
    username: 'bike-7',
    password: 'guessed',
    reconnectPeriod: 0,
  });
  await expect(stranger).rejects.toThrow(/not authorized|bad user ?name or password/i);
});

test('the command line speaks to the broker beside it', async () => {
  const status = await broker.exec('spoke', 'status');
  expect(status, status.output).toMatchObject({ exitCode: 0 });
  expect(status.output).toMatch(/ready +yes/);
});

test('SIGTERM stops it gracefully, and what was acknowledged is there after the next start', async () => {
  const bike = await client('bike-7', { clean: false });
  await bike.subscribeAsync('bikes/7/commands', { qos: 1 });
  await bike.endAsync();
  const operator = await client('operator');
  await operator.publishAsync('bikes/7/commands', 'unlock', { qos: 1 });
  // As the chart does it before SIGTERM.
  const drained = await broker.exec('timeout', '20', 'spoke', 'drain', '--rate', '500', '--notice', '1s');
  expect(drained, drained.output).toMatchObject({ exitCode: 0 });
  const beganMs = performance.now();
  const ended = await broker.stop(GRACE_S);
  console.info(`stopped after ${((performance.now() - beganMs) / 1_000).toFixed(1)} s`);
  expect(ended, ended.output).toMatchObject({ exitCode: 0 });
  expect(ended.output).toContain('"msg":"stopped"');

  await broker.start();
  await healthy();
  // Listens before it connects: what waits comes right behind CONNACK.
  const back = connect(`mqtt://127.0.0.1:${port}`, {
    clientId: 'bike-7',
    username: 'bike-7',
    password,
    clean: false,
    reconnectPeriod: 0,
  });
  onTestFinished(async () => {
    await back.endAsync(true);
  });
  expect(await nextMessage(back)).toBe('bikes/7/commands: unlock');
});

test('the same image has the metadata service and the compaction job', async () => {
  const metadata = await once({ command: ['metadata'] });
  expect(metadata).toMatchObject({ exitCode: 2 });
  expect(metadata.output).toContain('eventLog.store is "embedded"');
  const job = await once({ entrypoint: ['node'], command: ['dist/compaction-job/main.js', '--help'] });
  expect(job).toMatchObject({ exitCode: 0 });
  expect(job.output).toContain('--verify');
});
