/** The example service, run as its README says, between a real Redis and a broker with the example's rules. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRedis } from '../../../engines/redis/redis-engine.ts';
import type { SingleServer } from '../../../engines/single-server.ts';
import { loadConfig } from '../../../src/app/config.ts';
import { BridgeService } from '../../support/bridge-service.ts';
import { RunningBroker } from '../../support/running-broker.ts';
import { eventually } from '../../support/eventually.ts';

const EXAMPLE = fileURLToPath(new URL('../../../examples/unlock-service/', import.meta.url));

let redis: SingleServer;
let broker: RunningBroker;
let outside: BridgeService;
const services: ChildProcess[] = [];

beforeAll(async () => {
  redis = await startRedis();
  const file = `${EXAMPLE}broker.yaml`;
  const { config } = loadConfig({ file, environment: {}, workingDirectory: EXAMPLE });
  broker = await RunningBroker.start({
    bridge: { ...config.bridge, redis: { ...config.bridge.redis, port: redis.port } },
  });
  outside = new BridgeService(redis.port);
});

afterAll(async () => {
  for (const service of services) service.kill('SIGKILL');
  outside.close();
  await broker.dispose();
  await redis.stop();
});

function startService(consumer: string): ChildProcess {
  const service = spawn(process.execPath, ['unlock-service.js'], {
    cwd: EXAMPLE,
    env: {
      ...process.env,
      REDIS_URL: `redis://127.0.0.1:${redis.port}`,
      CONSUMER: consumer,
      CLAIM_AFTER_MS: '200',
    },
    stdio: 'ignore',
  });
  services.push(service);
  return service;
}

describe('the unlock service', () => {
  it('answers each request once, and another one answers what a dead one was handed', async () => {
    const { client: bike } = await broker.connect({ level: 5 }, { clientId: 'bike-7' });
    bike.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'bikes/7/unlock', qos: 1 }] });
    await bike.expect('suback');
    const ask = (payload: string): void => {
      bike.send({
        cmd: 'publish',
        topic: 'bikes/7/unlock-request',
        payload,
        qos: 1,
        messageId: 2,
        retain: false,
        dup: false,
        properties: { correlationData: Buffer.from(payload) },
      });
    };
    const answers: string[] = [];
    /** Whoever asked more than once is answered as often, and a dead service's requests come late. */
    const answered = async (wanted: string) => {
      while (!answers.includes(wanted)) {
        const packet = await bike.next();
        if (packet.cmd === 'publish')
          answers.push(`${packet.payload.toString()} ${packet.properties?.correlationData?.toString()}`);
      }
    };
    await eventually(async () => {
      ask('nobody yet');
      expect(await outside.redis.xlen('unlock-requests')).toBeGreaterThan(0);
    });
    // What is no request keeps nobody from what is behind it.
    for (const text of ['{', '{}', 'null']) await outside.redis.xadd('unlock-requests', '*', 'message', text);
    await outside.redis.xadd('unlock-requests', '*', 'other', 'field');
    // A service that is handed the requests so far, and dies.
    await outside.redis.xgroup('CREATE', 'unlock-requests', 'unlock-service', '0');
    await outside.redis.xreadgroup('GROUP', 'unlock-service', 'dead', 'STREAMS', 'unlock-requests', '>');
    const first = startService('first');
    await answered('refused nobody yet');
    ask('customer-42');
    await answered('open customer-42');
    // The broker sends one again, as after a crash.
    const [[, fields] = ['', []]] = await outside.redis.xrevrange('unlock-requests', '+', '-', 'COUNT', 1);
    await outside.redis.xadd('unlock-requests', '*', ...fields);
    first.kill('SIGTERM');
    await once(first, 'exit');
    startService('second');
    ask('customer-43');
    await answered('open customer-43');
    for (const asked of ['open customer-42', 'open customer-43'])
      expect(answers.filter((each) => each === asked)).toHaveLength(1);
    expect((await outside.redis.xpending('unlock-requests', 'unlock-service'))[0]).toBe(0);
  });
});
