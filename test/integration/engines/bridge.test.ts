/** Messages to and from other services over a real Redis: what is selected, in which form, what is refused, and a Redis or a broker that dies. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startRedis } from '../../../engines/redis/redis-engine.ts';
import type { SingleServer } from '../../../engines/single-server.ts';
import { BridgeService } from '../../support/bridge-service.ts';
import type { RawClient } from '../../support/raw-client.ts';
import { RunningBroker, type BrokerSettings } from '../../support/running-broker.ts';
import { eventually } from '../../support/eventually.ts';

type Rules = NonNullable<BrokerSettings['bridge']>['rules'];

let redis: SingleServer;
let service: BridgeService;
let running: RunningBroker[] = [];
let prefixes = 0;

beforeAll(async () => {
  redis = await startRedis({ keepsEverything: true });
  service = new BridgeService(redis.port);
});

afterEach(async () => {
  for (const broker of running) await broker.dispose();
  running = [];
});

afterAll(async () => {
  service.close();
  await redis.stop();
});

function settings(rules: Rules, prefix: string): BrokerSettings {
  return { tenants: ['default', 'acme'], bridge: { redis: { port: redis.port, prefix }, rules } };
}

/** Serves the rules when it resolves. */
async function start(rules: Rules, servedAtOnce = rules?.length ?? 0) {
  const prefix = `test-${++prefixes}:`;
  const broker = await RunningBroker.start(settings(rules, prefix));
  running.push(broker);
  await served(broker, servedAtOnce);
  return { broker, prefix };
}

async function metric(broker: RunningBroker, name: string, rule: string): Promise<number | undefined> {
  const text = await (await broker.admin('/metrics')).text();
  const found = new RegExp(`^${name}\\{rule="${rule}"[^}]*\\} (.*)$`, 'm').exec(text);
  return found === null ? undefined : Number(found[1]);
}

async function served(broker: RunningBroker, rules: number): Promise<void> {
  await eventually(async () => {
    const text = await (await broker.admin('/metrics')).text();
    expect(text.match(/^spoke_bridge_connected\{.*\} 1$/gm)?.length ?? 0).toBe(rules);
  });
}

async function client(broker: RunningBroker, name: string, username = 'acme/device'): Promise<RawClient> {
  const { client: connected } = await broker.connect({ level: 5 }, { clientId: name, username });
  return connected;
}

async function subscribe(to: RawClient, topic: string): Promise<void> {
  to.send({ cmd: 'subscribe', messageId: 9, subscriptions: [{ topic, qos: 1 }] });
  await to.expect('suback');
}

let messageId = 0;

/** With QoS 1; resolves when it is acknowledged. */
async function publish(
  from: RawClient,
  topic: string,
  payload: string | Buffer,
  retain = false,
): Promise<void> {
  messageId = (messageId % 60_000) + 1;
  from.send({ cmd: 'publish', topic, payload, qos: 1, messageId, retain, dup: false });
  expect((await from.expect('puback')).messageId).toBe(messageId);
}

describe('a rule that sends to channels', () => {
  it('sends what its tenant publishes on topics that match, in JSON or as it is', async () => {
    const { broker, prefix } = await start([
      { name: 'j', tenant: 'acme', direction: 'out', filter: 'bikes/+/state', channel: '%t/bikes' },
      {
        name: 'r',
        tenant: 'acme',
        direction: 'out',
        filter: 'bikes/#',
        channel: 'raw:{topic}',
        format: 'raw',
      },
    ]);
    const heard = await service.hear(`${prefix}*`);
    const bike = await client(broker, 'bike-7');
    const stranger = await client(broker, 'bike-8', 'default/device');
    await publish(stranger, 'bikes/8/state', 'of another tenant');
    bike.send({
      cmd: 'publish',
      topic: 'bikes/7/state',
      payload: 'locked',
      qos: 0,
      retain: true,
      dup: false,
      properties: {
        contentType: 'text/plain',
        correlationData: Buffer.from([1, 2]),
        userProperties: { a: 'b' },
        messageExpiryInterval: 60,
      },
    });
    await publish(bike, 'bikes/7/other', Buffer.from([0xff, 0x00]));
    await eventually(() => {
      expect(heard).toHaveLength(3);
    });
    expect(
      heard.filter(({ channel }) => channel.startsWith(`${prefix}raw`)).map(({ channel }) => channel),
    ).toEqual([`${prefix}raw:bikes/7/state`, `${prefix}raw:bikes/7/other`]);
    const [envelope] = heard.filter(({ channel }) => channel === `${prefix}acme/bikes`);
    expect(JSON.parse(envelope?.message ?? '')).toEqual({
      tenant: 'acme',
      topic: 'bikes/7/state',
      payload: 'locked',
      encoding: 'utf8',
      qos: 0,
      retain: true,
      publisher: 'bike-7',
      publishedAt: expect.any(Number) as number,
      expiryS: 60,
      properties: { contentType: 'text/plain', correlationData: 'AQI=', userProperties: [['a', 'b']] },
    });
    expect(await metric(broker, 'spoke_bridge_messages_total', 'j')).toBe(1);
    expect(await metric(broker, 'spoke_bridge_messages_total', 'r')).toBe(2);
  });
});

describe('a rule that reads channels', () => {
  it('publishes what is said there, and counts what cannot be', async () => {
    const { broker, prefix } = await start([
      { name: 'j', tenant: 'acme', direction: 'in', filter: 'cmd/#', channel: 'commands' },
      {
        name: 'r',
        tenant: 'acme',
        direction: 'in',
        filter: 'cmd/#',
        channel: 'c:{topic}',
        format: 'raw',
        qos: 0,
      },
    ]);
    const bike = await client(broker, 'bike-7');
    await subscribe(bike, 'cmd/#');
    const commands = { topic: 'cmd/7', payload: 'open', encoding: 'utf8', properties: { contentType: 't' } };
    await eventually(async () => {
      expect(await service.redis.publish(`${prefix}commands`, JSON.stringify(commands))).toBe(1);
    });
    const first = await bike.expect('publish');
    expect(first).toMatchObject({ topic: 'cmd/7', qos: 1, retain: false, properties: { contentType: 't' } });
    expect(first.payload.toString()).toBe('open');
    await eventually(async () => {
      expect(await service.redis.publish(`${prefix}c:cmd/8`, 'raw')).toBe(1);
    });
    expect(await bike.expect('publish')).toMatchObject({ topic: 'cmd/8', qos: 0 });
    for (const bad of [
      'no JSON',
      '{"topic":"other/7","payload":""}',
      '{"topic":"cmd/+","payload":""}',
      '{"topic":"cmd/7","payload":"a","encoding":"base64"}',
      '{"topic":"cmd/7","payload":"","tenant":"default"}',
      '{"payload":""}',
    ])
      await service.redis.publish(`${prefix}commands`, bad);
    await eventually(async () => {
      expect(await metric(broker, 'spoke_bridge_rejected_total', 'j')).toBe(6);
    });
    expect(await bike.roundTrip()).toEqual([]);
  });
});

describe('rules over streams', () => {
  it('keep what is published, with an id; publish what is put there; and lay aside what they cannot publish', async () => {
    const { broker, prefix } = await start([
      { name: 'out', tenant: 'acme', direction: 'out', filter: 'trips/#', stream: 'trips' },
      { name: 'back', tenant: 'acme', direction: 'out', filter: 'cmd/#', stream: 'cmd-seen' },
      { name: 'in', tenant: 'acme', direction: 'in', filter: 'cmd/#', stream: '%t:cmd', retain: true },
      { name: 'raw', tenant: 'acme', direction: 'in', filter: 'raw/#', stream: 'raw', format: 'raw' },
    ]);
    const bike = await client(broker, 'bike-7');
    await subscribe(bike, 'cmd/#');
    await subscribe(bike, 'raw/#');
    await eventually(async () => {
      await publish(bike, 'trips/7', 'probe');
      expect((await service.envelopes(`${prefix}trips`)).length).toBeGreaterThan(0);
    });
    await publish(bike, 'trips/7', 'ended');
    await eventually(async () => {
      const [last] = (await service.envelopes(`${prefix}trips`)).slice(-1);
      expect(last).toMatchObject({ topic: 'trips/7', payload: 'ended', publisher: 'bike-7' });
      expect(last?.['entryId']).toMatch(/^\d+-\d+$/);
    });
    await service.send(`${prefix}acme:cmd`, { topic: 'cmd/7', payload: 'open' });
    expect(await bike.expect('publish')).toMatchObject({ topic: 'cmd/7', qos: 1 });
    await service.redis.xadd(
      `${prefix}raw`,
      '*',
      'topic',
      'raw/1',
      'payload',
      Buffer.from([0xff]),
      'qos',
      '0',
    );
    expect(await bike.expect('publish')).toMatchObject({
      topic: 'raw/1',
      qos: 0,
      payload: Buffer.from([0xff]),
    });
    await service.send(`${prefix}acme:cmd`, { topic: 'cmd/#', payload: 'bad' });
    await service.send(`${prefix}acme:cmd`, { topic: 'cmd/9', payload: 'x'.repeat(1024 * 1024 + 1) });
    await service.redis.xadd(`${prefix}acme:cmd`, '*', 'nothing', 'here');
    await eventually(async () => {
      const rejected = await service.entries(`${prefix}acme:cmd:rejected`);
      expect(rejected.map(({ rejectedBecause }) => rejectedBecause)).toEqual([
        'the topic is empty, or has a wildcard or U+0000',
        'it is larger than limits.packetBytesMax',
        'the field message is missing',
      ]);
    });
    expect((await service.redis.xpending(`${prefix}acme:cmd`, 'spokemq'))[0]).toBe(0);
    // Retained, as the rule says; and what came in by one rule went out by none.
    const late = await client(broker, 'late');
    await subscribe(late, 'cmd/#');
    expect(await late.expect('publish')).toMatchObject({ topic: 'cmd/7', retain: true });
    await publish(await client(broker, 'other'), 'cmd/own', 'from a client');
    await eventually(async () => {
      const seen = await service.envelopes(`${prefix}cmd-seen`);
      expect(seen.map(({ topic }) => topic)).toEqual(['cmd/own']);
    });
    expect(await metric(broker, 'spoke_bridge_rejected_total', 'in')).toBe(3);
  });

  it('lose nothing that was acknowledged, nor change its order, when Redis is killed while messages flow', async () => {
    const { broker, prefix } = await start([
      { name: 'out', tenant: 'acme', direction: 'out', filter: 'trips/#', stream: 'trips' },
      { name: 'in', tenant: 'acme', direction: 'in', filter: 'cmd/#', stream: 'cmd' },
    ]);
    const bike = await client(broker, 'bike-7');
    await eventually(async () => {
      await publish(bike, 'trips/7', 'probe');
      expect((await service.envelopes(`${prefix}trips`)).length).toBeGreaterThan(0);
    });
    const listener = await client(broker, 'listener');
    await subscribe(listener, 'cmd/#');
    let sent = 0;
    let commands = 0;
    const flow = async (count: number): Promise<void> => {
      for (let index = 0; index < count; index++) await publish(bike, 'trips/7', `${sent++}`);
    };
    const command = async (count: number): Promise<void> => {
      for (let index = 0; index < count; index++)
        await service.send(`${prefix}cmd`, { topic: 'cmd/7', payload: `${commands++}` });
    };
    await command(50);
    const flowing = flow(600);
    await eventually(async () => {
      expect((await service.envelopes(`${prefix}trips`)).length).toBeGreaterThan(50);
    });
    await redis.server.kill();
    await flowing;
    // Publishers are not held up while it is away.
    await flow(200);
    await redis.server.start();
    await redis.ready();
    await flow(100);
    await command(50);
    await eventually(async () => {
      const payloads = (await service.envelopes(`${prefix}trips`)).map(({ payload }) => payload);
      expect(payloads.at(-1)).toBe(`${sent - 1}`);
    });
    const envelopes = (await service.envelopes(`${prefix}trips`)).filter(
      ({ payload }) => payload !== 'probe',
    );
    const byId = new Map(envelopes.map((envelope) => [envelope['entryId'], envelope['payload']]));
    expect([...byId.values()]).toEqual(Array.from({ length: sent }, (_, index) => `${index}`));
    // One append may have been kept without having been confirmed: what repeats is bounded, and has the id that it had.
    expect(envelopes.length - byId.size).toBeLessThanOrEqual(128);
    const heard = new Set<string>();
    while (heard.size < commands) heard.add((await listener.expect('publish')).payload.toString());
    expect([...heard]).toEqual(Array.from({ length: commands }, (_, index) => `${index}`));
    await eventually(async () => {
      expect((await service.redis.xpending(`${prefix}cmd`, 'spokemq'))[0]).toBe(0);
    });
  });

  it('go on after a restart of the broker, and a rule that is no more leaves nothing behind', async () => {
    const rule = {
      name: 'out',
      tenant: 'acme',
      direction: 'out',
      filter: 'trips/#',
      stream: 'trips',
    } as const;
    const { broker, prefix } = await start([rule]);
    await eventually(async () => {
      const bike = await client(broker, 'probe');
      await publish(bike, 'trips/7', 'probe');
      expect((await service.envelopes(`${prefix}trips`)).length).toBeGreaterThan(0);
    });
    // With another filter under the same name; and for a while without Redis.
    const changed = settings([{ ...rule, filter: 'rides/#' }], prefix);
    await broker.stop();
    await broker.startAgain({ ...changed, bridge: { ...changed.bridge, redis: { port: 1, prefix } } });
    const bike = await client(broker, 'bike');
    const before = (await service.envelopes(`${prefix}trips`)).length;
    await eventually(async () => {
      const subscribed = await (
        await broker.admin('/api/v1/session?tenant=acme&client=%24bridge%2Fout')
      ).text();
      expect(subscribed).toContain('rides/#');
      expect(subscribed).not.toContain('trips/#');
    });
    await publish(bike, 'trips/7', 'not selected any more');
    await publish(bike, 'rides/7', 'waits in the queue');
    await broker.stop();
    await broker.startAgain(changed);
    await eventually(async () => {
      const envelopes = (await service.envelopes(`${prefix}trips`)).slice(before);
      expect(envelopes).toMatchObject([{ payload: 'waits in the queue' }]);
    });
    await broker.stop();
    await broker.startAgain(settings([], prefix));
    expect(await (await broker.admin('/api/v1/sessions?limit=100')).text()).not.toContain('$bridge');
  });
});

describe('rules of a tenant', () => {
  it('wait until it is there, and while it is suspended', async () => {
    const { broker, prefix } = await start(
      [
        { name: 'out', tenant: 'later', direction: 'out', filter: 'trips/#', stream: 'trips' },
        { name: 'in', tenant: 'later', direction: 'in', filter: 'cmd/#', stream: 'cmd' },
      ],
      0,
    );
    const change = async (method: string, path: string, body?: object) => {
      const response = await broker.admin(path, { method, ...(body && { body: JSON.stringify(body) }) });
      expect(response.ok).toBe(true);
    };
    await change('POST', '/api/v1/tenants', { tenant: 'later' });
    await served(broker, 2);
    const bike = await client(broker, 'bike-7', 'later/device');
    await eventually(async () => {
      await publish(bike, 'trips/7', 'probe');
      expect((await service.envelopes(`${prefix}trips`)).length).toBeGreaterThan(0);
    });
    await change('POST', '/api/v1/tenant/suspend?tenant=later');
    await served(broker, 0);
    await service.send(`${prefix}cmd`, { topic: 'cmd/7', payload: 'waits', retain: true });
    await change('POST', '/api/v1/tenant/resume?tenant=later');
    await served(broker, 2);
    const back = await client(broker, 'bike-8', 'later/device');
    await subscribe(back, 'cmd/#');
    expect((await back.expect('publish')).payload.toString()).toBe('waits');
  });
});

describe('client identifiers of the bridge', () => {
  it('are refused to everybody outside', async () => {
    const broker = await RunningBroker.forTest();
    const { connack } = await broker.connect({ level: 5 }, { clientId: '$bridge/out' });
    expect(connack.reasonCode).toBe(0x85);
  });
});
