/** What a client sees of the quotas of its tenant and of its own, over a real connection; and that other tenants see nothing of them. */
import { afterEach, describe, expect, test } from 'vitest';
import type { IConnectPacket } from 'mqtt-packet';
import { MemoryDurableQueue } from '../../src/adapters/memory/memory-durable-queue.ts';
import { AnonymousAuthenticator } from '../../src/auth/anonymous-authenticator.ts';
import type { QuotaExceeded } from '../../src/audit/audit-event.ts';
import type { TenantBroker } from '../../src/broker/tenant-broker.ts';
import { configSchema } from '../../src/app/config-schema.ts';
import { REASON } from '../../src/mqtt/reason-code.ts';
import type { QuotaName, TenantLimits } from '../../src/quota/tenant-limits.ts';
import { parseTenantId, type TenantId } from '../../src/tenancy/identity.ts';
import { TenantDirectory } from '../../src/tenancy/tenant-directory.ts';
import { eventually } from '../support/eventually.ts';
import { startMemoryBroker, type MemoryBroker } from '../support/memory-broker.ts';
import { RawClient } from '../support/raw-client.ts';
import { expectNothing, publish, publishPacket, subscribe, take } from './support/exchanges.ts';
import { newClientId, persistent } from './support/versions.ts';

const [RED, BLUE] = ['red', 'blue'].map((name) => parseTenantId(name)) as [TenantId, TenantId];

/** A broker of two tenants; red has limits, which may become others. */
class LimitedBroker {
  readonly #limits: { red: TenantLimits };
  readonly #running: MemoryBroker;
  readonly events: QuotaExceeded[];
  readonly #clients: RawClient[] = [];

  private constructor(running: MemoryBroker, limits: { red: TenantLimits }, events: QuotaExceeded[]) {
    this.#running = running;
    this.#limits = limits;
    this.events = events;
  }

  static async start(red: TenantLimits): Promise<LimitedBroker> {
    const limits = { red };
    const events: QuotaExceeded[] = [];
    const { durableQueue } = configSchema.parse({}).limits;
    const running: MemoryBroker = await startMemoryBroker({
      tenants: new TenantDirectory([RED, BLUE]),
      authenticator: new AnonymousAuthenticator(new Set([RED, BLUE])),
      store: new MemoryDurableQueue(
        durableQueue,
        (tenant) => running.broker.tenant(tenant)?.limits.durableQueue ?? durableQueue,
      ),
      limitsOf: (tenant) => (tenant === RED ? limits.red : {}),
      audit: {
        note: (note) => {
          if (note.kind === 'quotaExceeded') events.push(note);
        },
      },
    });
    return new LimitedBroker(running, limits, events);
  }

  get red(): TenantBroker {
    return this.#tenant(RED);
  }

  get blue(): TenantBroker {
    return this.#tenant(BLUE);
  }

  /** Messages in all queues of the tenant. */
  queued(tenant: TenantId): number {
    return this.#running.broker.services.store.total(tenant).messages;
  }

  become(red: TenantLimits): void {
    this.#limits.red = red;
    this.red.limitsChanged();
  }

  /** Sends nothing. */
  async open(level: 4 | 5): Promise<RawClient> {
    const client = await RawClient.open({ transport: 'tcp', port: this.#running.port, level });
    this.#clients.push(client);
    return client;
  }

  /** Whatever CONNACK says. */
  async connect(connect: Partial<IConnectPacket> = {}, tenant = RED, level: 4 | 5 = 5) {
    const opened = await RawClient.connect(
      { transport: 'tcp', port: this.#running.port, level },
      { clientId: newClientId(), username: `${tenant}/user`, ...connect },
    );
    this.#clients.push(opened.client);
    return opened;
  }

  async client(connect: Partial<IConnectPacket> = {}, tenant = RED, level: 4 | 5 = 5): Promise<RawClient> {
    const { client, connack } = await this.connect(connect, tenant, level);
    expect(connack.reasonCode ?? connack.returnCode).toBe(0);
    return client;
  }

  /** How often red has exceeded it; each time was told. */
  exceeded(quota: QuotaName): number {
    const times = this.red.counters.quotasExceeded.get(quota) ?? 0;
    expect(this.events.filter((event) => event.quota === quota && event.tenant === RED)).toHaveLength(times);
    return times;
  }

  #tenant(name: TenantId): TenantBroker {
    const tenant = this.#running.broker.tenant(name);
    if (tenant === undefined) throw new Error('the tenant is not served');
    return tenant;
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.destroy();
    await this.#running.close();
  }
}

let broker: LimitedBroker;

async function limited(limits: TenantLimits): Promise<void> {
  broker = await LimitedBroker.start(limits);
}

afterEach(() => broker.close());

/** So many, with QoS 1, in one write; resolves with how long it took until all were acknowledged. */
async function flood(client: RawClient, count: number, topic = 'flood', payload = 'x'): Promise<number> {
  const startedMs = performance.now();
  const packets = Array.from({ length: count }, (_, index) =>
    publishPacket({ topic, payload, qos: 1, messageId: index + 1 }),
  );
  client.send(...packets);
  for (const { messageId } of packets) expect(await client.expect('puback')).toMatchObject({ messageId });
  return performance.now() - startedMs;
}

describe('connections', () => {
  test('above the number are refused with 0x97, with 3 on MQTT 3, and let in when one has left', async () => {
    await limited({ tenant: { connectionsMax: 1 } });
    const first = await broker.client({ clientId: 'first' });
    const { connack } = await broker.connect();
    expect(connack.reasonCode).toBe(REASON.quotaExceeded);
    expect((await broker.connect({}, RED, 4)).connack.returnCode).toBe(3);
    await broker.client({}, BLUE);
    expect(broker.exceeded('tenant.connectionsMax')).toBe(2);
    const again = await broker.client({ clientId: 'first' });
    await first.closed();
    again.send({ cmd: 'disconnect' });
    await again.closed();
    while (broker.red.counters.clusterConnections > 0) await new Promise((resolve) => setImmediate(resolve));
    await broker.client();
  });

  test('above the rate are refused with 0x9F, with 3 on MQTT 3', async () => {
    await limited({ tenant: { connectionRateMax: 1 } });
    // Open already, so that nothing but their CONNECT is behind the one that is let in.
    const [late, old] = [await broker.open(5), await broker.open(4)];
    await broker.client();
    for (const client of [late, old])
      client.sendConnect({ clientId: newClientId(), username: `${RED}/user` });
    expect((await late.expect('connack')).reasonCode).toBe(REASON.connectionRateExceeded);
    expect((await old.expect('connack')).returnCode).toBe(3);
    for (let connections = 0; connections < 5; connections++) await broker.client({}, BLUE);
    expect(broker.exceeded('tenant.connectionRateMax')).toBe(2);
  });

  test('of one client that comes again and again are refused, and nobody else’s', async () => {
    await limited({ client: { connectionRateMax: 1 } });
    await broker.client({ clientId: 'loop' });
    expect((await broker.connect({ clientId: 'loop' })).connack.reasonCode).toBe(
      REASON.connectionRateExceeded,
    );
    await broker.client();
    expect(broker.events).toEqual([
      {
        kind: 'quotaExceeded',
        tenant: RED,
        quota: 'client.connectionRateMax',
        clientId: 'loop',
        limit: 1,
      },
    ]);
  });

  test('of clients whose session would be one too many are refused with 0x97', async () => {
    await limited({ tenant: { sessionsMax: 1 } });
    const kept = await broker.client({ ...persistent({ level: 5 }), clientId: 'kept' });
    kept.send({ cmd: 'disconnect' });
    await kept.closed();
    expect((await broker.connect()).connack.reasonCode).toBe(REASON.quotaExceeded);
    expect(broker.exceeded('tenant.sessionsMax')).toBe(1);
    broker.become({ tenant: { sessionsMax: 2 } });
    await broker.client();
  });
});

describe('subscriptions', () => {
  test.each([
    { session: 'transient', connect: {} },
    { session: 'persistent', connect: persistent({ level: 5 }) },
  ])('above what the client or its tenant may have are 0x97 in SUBACK, $session', async ({ connect }) => {
    await limited({ tenant: { subscriptionsMax: 3 }, client: { subscriptionsMax: 2 } });
    const [one, other] = [await broker.client(connect), await broker.client(connect)];
    const wishes = (...topics: string[]) => topics.map((topic) => ({ topic, qos: 1 as const }));
    expect(await subscribe(one, ...wishes('a', 'b', 'c'))).toEqual([1, 1, REASON.quotaExceeded]);
    expect(await subscribe(other, ...wishes('a', 'b'))).toEqual([1, REASON.quotaExceeded]);
    expect(broker.exceeded('client.subscriptionsMax')).toBe(1);
    expect(broker.exceeded('tenant.subscriptionsMax')).toBe(1);
    expect(await subscribe(other, ...wishes('a'))).toEqual([1]);
    broker.become({});
    expect(await subscribe(other, ...wishes('b'))).toEqual([1]);
  });

  test('are 0x80 on MQTT 3.1.1', async () => {
    await limited({ tenant: { subscriptionsMax: 1 } });
    const client = await broker.client({}, RED, 4);
    expect(await subscribe(client, { topic: 'a', qos: 0 }, { topic: 'b', qos: 0 })).toEqual([0, 0x80]);
  });
});

describe('publishing', () => {
  test('above the rate of a client is taken at that rate, all of it and in order', async () => {
    await limited({ client: { publishRateMax: 200 } });
    const client = await broker.client();
    expect(await flood(client, 300)).toBeGreaterThan(450);
    expect(broker.exceeded('client.publishRateMax')).toBeGreaterThan(0);
    await flood(await broker.client({}, BLUE), 300);
    expect(broker.blue.counters.quotasExceeded.size).toBe(0);
  });

  test('above the rate of the tenant is taken from all its clients at that rate', async () => {
    await limited({ tenant: { publishRateMax: 200 } });
    const clients = [await broker.client(), await broker.client(), await broker.client()];
    const elapsedMs = await Promise.all(clients.map((client) => flood(client, 100)));
    expect(Math.max(...elapsedMs)).toBeGreaterThan(450);
    expect(broker.exceeded('tenant.publishRateMax')).toBeGreaterThan(2);
  });

  test('is held back no longer when the limit is lifted, and by a limit that comes', async () => {
    await limited({});
    const client = await broker.client();
    await flood(client, 100);
    broker.become({ client: { bytesInRateMax: 100 } });
    client.send(publishPacket({ topic: 'large', payload: 'x'.repeat(100_000), qos: 1, messageId: 1 }));
    await client.expect('puback');
    expect(broker.red.quota.readingHeld).toBe(1);
    const waiting = flood(client, 10);
    broker.become({});
    expect(await waiting).toBeLessThan(5_000);
    expect(broker.red.quota.readingHeld).toBe(0);
    expect(broker.exceeded('client.bytesInRateMax')).toBe(1);
  });

  test('that is held back for longer than the keep-alive costs nobody the connection', async () => {
    await limited({ client: { bytesInRateMax: 10_000 } });
    const client = await broker.client({ keepalive: 1 });
    client.send(publishPacket({ topic: 'large', payload: 'x'.repeat(40_000), qos: 1, messageId: 1 }));
    await client.expect('puback');
    const startedMs = performance.now();
    await client.roundTrip();
    expect(performance.now() - startedMs).toBeGreaterThan(2_500);
    expect(broker.red.counters.keepAliveTimeouts).toBe(0);
  });
});

describe('delivery', () => {
  test('above the rate waits, and QoS 0 that would have to wait is dropped and counted', async () => {
    await limited({ client: { bytesOutRateMax: 20_000 } });
    const reader = await broker.client();
    await subscribe(reader, { topic: 'data', qos: 1 });
    const publisher = await broker.client();
    const payload = 'x'.repeat(1_000);
    const startedMs = performance.now();
    const flooded = flood(publisher, 30, 'data', payload);
    for (let taken = 0; taken < 30; taken++) await take(reader);
    expect(performance.now() - startedMs).toBeGreaterThan(450);
    await flooded;
    expect(broker.exceeded('client.bytesOutRateMax')).toBeGreaterThan(0);
    for (let sent = 0; sent < 50; sent++) publisher.send(publishPacket({ topic: 'data', payload, qos: 0 }));
    await publisher.roundTrip();
    expect(broker.red.counters.drops.get('bytesOutQuota')).toBeGreaterThan(0);
  });
});

/** A session that waits for messages of that topic and is not connected. */
async function absent(clientId: string, topic: string, tenant = RED): Promise<void> {
  const client = await broker.client({ ...persistent({ level: 5 }), clientId }, tenant);
  await subscribe(client, { topic, qos: 2 });
  client.send({ cmd: 'disconnect' });
  await client.closed();
}

describe('messages in all queues of a tenant together', () => {
  test('above the number are refused with 0x97, and taken again when there is room; no other tenant notices', async () => {
    await limited({ tenant: { queueMessagesMax: 3 } });
    for (const name of ['one', 'two']) await absent(name, name);
    await absent('one', 'one', BLUE);
    const [publisher, neighbour] = [await broker.client(), await broker.client({}, BLUE)];
    const put = (topic: string, qos: 1 | 2 = 1) => publish(publisher, { topic, qos });
    expect([await put('one'), await put('two'), await put('two', 2)]).toEqual([0, 0, 0]);
    expect([await put('one'), await put('two')]).toEqual([REASON.quotaExceeded, REASON.quotaExceeded]);
    for (let messages = 0; messages < 5; messages++)
      expect(await publish(neighbour, { topic: 'one', qos: 1 })).toBe(0);
    expect(broker.exceeded('tenant.queueMessagesMax')).toBe(2);
    expect(broker.exceeded('client.queue')).toBe(0);
    expect(broker.events.at(-1)).toMatchObject({ clientId: undefined, limit: 3 });

    const two = await broker.client({ ...persistent({ level: 5 }), clientId: 'two' });
    for (let taken = 0; taken < 2; taken++) await take(two);
    two.send({ cmd: 'disconnect' });
    await two.closed();
    await eventually(() => {
      expect(broker.queued(RED)).toBe(1);
    });
    expect([await put('one'), await put('two'), await put('one')]).toEqual([0, 0, REASON.quotaExceeded]);

    broker.become({ tenant: { queueMessagesMax: 4 } });
    expect([await put('one'), await put('one')]).toEqual([0, REASON.quotaExceeded]);
    broker.become({});
    expect(await put('one')).toBe(0);
    expect(broker.blue.counters.quotasExceeded.size).toBe(0);
  });

  test('count from PUBREC on, and what was answered with it is delivered although nothing has room', async () => {
    await limited({ tenant: { queueMessagesMax: 2 } });
    for (const name of ['one', 'two']) await absent(name, 'both');
    const publisher = await broker.client(persistent({ level: 5 }));
    const hold = (messageId: number) => publisher.send(publishPacket({ topic: 'both', qos: 2, messageId }));
    for (const messageId of [1, 2, 3]) hold(messageId);
    const answers = [];
    for (let answered = 0; answered < 3; answered++)
      answers.push((await publisher.expect('pubrec')).reasonCode ?? 0);
    expect(answers).toEqual([0, 0, REASON.quotaExceeded]);
    for (const messageId of [2, 1]) publisher.send({ cmd: 'pubrel', messageId });
    for (let completed = 0; completed < 2; completed++) await publisher.expect('pubcomp');
    expect(broker.queued(RED)).toBe(4);
    expect(broker.exceeded('tenant.queueMessagesMax')).toBe(1);
    hold(4);
    expect(await publisher.expect('pubrec')).toMatchObject({
      messageId: 4,
      reasonCode: REASON.quotaExceeded,
    });
  });

  test('end the connection of an MQTT 3 client whose message is refused', async () => {
    await limited({ tenant: { queueBytesMax: 10 } });
    await absent('one', 'kept');
    const old = await broker.client({}, RED, 4);
    old.send(publishPacket({ topic: 'kept', payload: 'too much', qos: 1, messageId: 1 }));
    await old.closed();
    expect(broker.exceeded('tenant.queueBytesMax')).toBe(1);
  });

  test('of connected clients are refused too while others hold the room', async () => {
    await limited({ tenant: { queueMessagesMax: 1 } });
    await absent('away', 'away');
    const here = await broker.client({ ...persistent({ level: 5 }), clientId: 'here' });
    await subscribe(here, { topic: 'here', qos: 1 });
    const publisher = await broker.client();
    expect(await publish(publisher, { topic: 'here', qos: 1 })).toBe(0);
    await take(here);
    await eventually(() => {
      expect(broker.queued(RED)).toBe(0);
    });
    expect(await publish(publisher, { topic: 'away', qos: 1 })).toBe(0);
    expect(await publish(publisher, { topic: 'here', qos: 1 })).toBe(REASON.quotaExceeded);
    expect(await publish(publisher, { topic: 'here', qos: 0 })).toBe(0);
    expect(await here.expect('publish')).toMatchObject({ qos: 0 });
  });
});

describe('messages that are kept', () => {
  test('above what a queue may hold are refused with 0x97, and taken when it may hold more', async () => {
    await limited({ client: { queueMessagesMax: 2 } });
    const absent = await broker.client({ ...persistent({ level: 5 }), clientId: 'absent' });
    await subscribe(absent, { topic: 'kept', qos: 1 });
    absent.send({ cmd: 'disconnect' });
    await absent.closed();
    const publisher = await broker.client();
    const put = () => publish(publisher, { topic: 'kept', qos: 1 });
    expect([await put(), await put(), await put()]).toEqual([0, 0, REASON.quotaExceeded]);
    expect(broker.exceeded('client.queue')).toBe(1);
    expect(broker.events.at(-1)).toMatchObject({ clientId: 'absent' });
    broker.become({ client: { queueMessagesMax: 3 } });
    expect([await put(), await put()]).toEqual([0, REASON.quotaExceeded]);
  });

  test('as retained ones are refused with 0x97 above what tenant or client may have', async () => {
    await limited({ tenant: { retainedMessagesMax: 3 }, client: { retainedMessagesMax: 2 } });
    const [one, other] = [await broker.client(), await broker.client()];
    const retain = (client: RawClient, topic: string) => publish(client, { topic, retain: true, qos: 1 });
    const ofOne = [await retain(one, 'a'), await retain(one, 'b'), await retain(one, 'c')];
    expect(ofOne.map((reasonCode) => reasonCode === REASON.quotaExceeded)).toEqual([false, false, true]);
    expect(await retain(other, 'd')).not.toBe(REASON.quotaExceeded);
    expect(await retain(other, 'e')).toBe(REASON.quotaExceeded);
    expect(broker.exceeded('client.retainedMessagesMax')).toBe(1);
    expect(broker.exceeded('tenant.retainedMessagesMax')).toBe(1);
    broker.become({});
    expect(await retain(other, 'e')).not.toBe(REASON.quotaExceeded);
  });
});

describe('what is agreed on with a client', () => {
  test('is told in CONNACK; a packet beyond it ends the connection with 0x95', async () => {
    await limited({ client: { packetBytesMax: 500, receiveMaximum: 7 } });
    const { client, connack } = await broker.connect();
    expect(connack.properties).toMatchObject({ maximumPacketSize: 500, receiveMaximum: 7 });
    expect((await broker.connect({}, BLUE)).connack.properties?.maximumPacketSize).toBeGreaterThan(500);
    client.send(publishPacket({ topic: 'large', payload: 'x'.repeat(500), qos: 1 }));
    expect(await client.expect('disconnect')).toMatchObject({ reasonCode: REASON.packetTooLarge });
    const old = await broker.client({}, RED, 4);
    old.send(publishPacket({ topic: 'large', payload: 'x'.repeat(500), qos: 1 }));
    await old.closed();
    expect(broker.exceeded('client.packetBytesMax')).toBe(2);
  });

  test('holds for CONNECT itself', async () => {
    await limited({ client: { packetBytesMax: 500 } });
    const will = { topic: 'will', payload: Buffer.alloc(500), qos: 0 as const, retain: false };
    expect((await broker.connect({ will })).connack.reasonCode).toBe(REASON.packetTooLarge);
    expect(broker.exceeded('client.packetBytesMax')).toBe(1);
  });

  test('stays so until the client connects again', async () => {
    await limited({});
    const client = await broker.client();
    broker.become({ client: { packetBytesMax: 500, receiveMaximum: 1, inFlightMax: 1 } });
    expect(await flood(client, 5, 'still', 'x'.repeat(1_000))).toBeGreaterThan(0);
    const { connack } = await broker.connect();
    expect(connack.properties).toMatchObject({ maximumPacketSize: 500, receiveMaximum: 1 });
  });

  test('bounds what is sent to it and not acknowledged', async () => {
    await limited({ client: { inFlightMax: 1 } });
    const reader = await broker.client();
    await subscribe(reader, { topic: 'one by one', qos: 1 });
    await flood(await broker.client(), 2, 'one by one');
    const first = await reader.expect('publish');
    await expectNothing(reader);
    reader.send({ cmd: 'puback', messageId: first.messageId ?? 0 });
    await take(reader);
  });
});
