/** What is published at one broker reaches the clients of another, and an acknowledgement says the same there as at home. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { IConnectPacket } from 'mqtt-packet';
import { MemoryCluster, type ClusterBroker } from '../../support/memory-cluster.ts';
import { RawClient } from '../../support/raw-client.ts';

let cluster: MemoryCluster;
let here: ClusterBroker;
let there: ClusterBroker;

beforeEach(async () => {
  cluster = new MemoryCluster();
  here = await cluster.start('here');
  there = await cluster.start('there');
});

afterEach(async () => {
  await cluster.close();
});

async function connect(
  broker: ClusterBroker,
  clientId: string,
  connect: Partial<IConnectPacket> = {},
): Promise<RawClient> {
  const { client } = await RawClient.connect(
    { transport: 'tcp', port: broker.port, level: 5 },
    { clientId, ...connect },
  );
  return client;
}

const persistent = { clean: false, properties: { sessionExpiryInterval: 100 } } as const;

async function subscribe(client: RawClient, topic: string, qos: 0 | 1 | 2 = 1): Promise<void> {
  client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic, qos }] });
  await client.expect('suback');
}

let lastId = 0;
async function publish(client: RawClient, topic: string, payload: string, retain = false): Promise<void> {
  const messageId = (lastId = (lastId % 60_000) + 1);
  client.send({ cmd: 'publish', topic, payload, qos: 1, messageId, dup: false, retain });
  expect(await client.expect('puback')).toMatchObject({ messageId });
}

async function countUntilEnd(client: RawClient): Promise<number> {
  for (let count = 0; ; count++) if ((await client.expect('publish')).topic === 'end') return count;
}

describe('a message published at another broker', () => {
  test('reaches a persistent session, with no read of its queue', async () => {
    const bike = await connect(there, 'bike', persistent);
    await subscribe(bike, 'unlock/bike');
    const app = await connect(here, 'app');
    for (let number = 1; number <= 20; number++) {
      await publish(app, 'unlock/bike', `${number}`);
      const message = await bike.expect('publish');
      expect(message.payload.toString()).toBe(`${number}`);
      bike.send({ cmd: 'puback', messageId: message.messageId ?? 0 });
    }
  });

  test.each([0, 1, 2] as const)(
    'reaches a transient session with its quality of service: %i',
    async (qos) => {
      const bike = await connect(there, 'bike');
      await subscribe(bike, 'unlock/+', qos);
      const app = await connect(here, 'app');
      await publish(app, 'unlock/bike', 'now');
      expect(await bike.expect('publish')).toMatchObject({ topic: 'unlock/bike', qos: Math.min(1, qos) });
      await bike.roundTrip();
    },
  );

  test('comes no more after unsubscribing or disconnecting', async () => {
    const bike = await connect(there, 'bike');
    await subscribe(bike, 'a');
    await subscribe(bike, 'b');
    bike.send({ cmd: 'unsubscribe', messageId: 3, unsubscriptions: ['a'] });
    await bike.expect('unsuback');
    const app = await connect(here, 'app');
    await publish(app, 'a', 'not this');
    await publish(app, 'b', 'this');
    expect(await bike.expect('publish')).toMatchObject({ topic: 'b' });
    bike.send({ cmd: 'disconnect' });
    await bike.closed();
    await publish(app, 'b', 'nobody');
  });

  test('comes once, however many subscriptions and sessions match', async () => {
    const [one, two] = [await connect(there, 'one'), await connect(there, 'two', persistent)];
    for (const client of [one, two]) {
      await subscribe(client, 'x/+');
      await subscribe(client, 'x/#');
    }
    const app = await connect(here, 'app');
    await publish(app, 'x/y', 'once');
    for (const client of [one, two]) {
      const message = await client.expect('publish');
      client.send({ cmd: 'puback', messageId: message.messageId ?? 0 });
      expect(await client.roundTrip()).toEqual([]);
    }
  });

  test('goes to one member of a shared group, wherever its members are', async () => {
    const members = [
      await connect(here, 'm1'),
      await connect(there, 'm2'),
      await connect(there, 'm3', persistent),
    ];
    for (const member of members) {
      await subscribe(member, '$share/g/jobs', 0);
      await subscribe(member, 'end', 0);
    }
    const app = await connect(here, 'app');
    for (let number = 0; number < 30; number++) await publish(app, 'jobs', `${number}`);
    await publish(app, 'end', '');
    const got = await Promise.all(members.map((member) => countUntilEnd(member)));
    expect(got).toEqual([10, 10, 10]);
  });

  test('with QoS 2 goes to the member of a shared group whose turn it was when it came, not when it is released', async () => {
    const members = [await connect(here, 'm1', persistent), await connect(there, 'm2', persistent)];
    for (const member of members) {
      await subscribe(member, '$share/g/jobs', 2);
      await subscribe(member, 'end', 0);
    }
    const app = await connect(here, 'app', persistent);
    app.send({
      cmd: 'publish',
      topic: 'jobs',
      payload: 'held',
      qos: 2,
      messageId: 7,
      dup: false,
      retain: false,
    });
    await app.expect('pubrec');
    // The first one's turn has passed; it is that of the second now.
    for (const payload of ['second', 'first']) await publish(app, 'jobs', payload);
    app.send({ cmd: 'pubrel', messageId: 7 });
    await app.expect('pubcomp');
    await publish(app, 'end', '');
    expect(await Promise.all(members.map((member) => countUntilEnd(member)))).toEqual([2, 1]);
  });

  test('is retained everywhere', async () => {
    const app = await connect(here, 'app');
    await publish(app, 'station/1', 'full', true);
    const bike = await connect(there, 'bike');
    await subscribe(bike, 'station/+');
    expect(await bike.expect('publish')).toMatchObject({ topic: 'station/1', retain: true });
  });
});

describe('SUBACK', () => {
  test.each([
    ['transient', {}],
    ['persistent', persistent],
  ])(
    'says that whoever publishes at the other broker from now on reaches this session: %s',
    async (_, how) => {
      const app = await connect(here, 'app');
      for (let round = 0; round < 200; round++) {
        const bike = await connect(there, `bike-${round}`, how);
        await subscribe(bike, `unlock/${round}`);
        await publish(app, `unlock/${round}`, 'now');
        expect(await bike.expect('publish')).toMatchObject({ topic: `unlock/${round}` });
        bike.send({ cmd: 'disconnect' });
        await bike.closed();
      }
      expect(there.mesh.barrierTimeouts).toBe(0);
    },
  );
});

describe('an answer that other brokers have to know of', () => {
  test.each([
    ['transient', {}],
    ['persistent', persistent],
  ])('waits for each of them, also when the client asks once more: %s', async (_, how) => {
    const bike = await connect(there, 'bike', how);
    cluster.hub.part(here.incarnation, there.incarnation);
    for (const messageId of [1, 2])
      bike.send({ cmd: 'subscribe', messageId, subscriptions: [{ topic: 'unlock/bike', qos: 1 }] });
    expect(await bike.roundTrip()).toEqual([]);
    cluster.hub.heal(here.incarnation, there.incarnation);
    for (const messageId of [1, 2]) expect(await bike.expect('suback')).toMatchObject({ messageId });
    expect(there.mesh.barrierTimeouts).toBe(0);
  });

  test('UNSUBACK does, because another broker would go on filling the queue', async () => {
    const bike = await connect(there, 'bike', persistent);
    await subscribe(bike, 'unlock/bike');
    cluster.hub.part(here.incarnation, there.incarnation);
    bike.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['unlock/bike'] });
    expect(await bike.roundTrip()).toEqual([]);
    cluster.hub.heal(here.incarnation, there.incarnation);
    await bike.expect('unsuback');
  });
});

describe('a client that comes to another broker', () => {
  test.each([
    ['has just died', false],
    ['is known to be away', true],
  ])(
    'waits a second for one that %s to let go of its session, not until that is given up',
    async (_, isKnown) => {
      await connect(there, 'bike', persistent);
      cluster.hub.kill(there.incarnation);
      const link = here.mesh.link(there.incarnation);
      if (isKnown) await expect.poll(() => link?.isUp).toBe(false);
      const unhandledBefore = link?.unhandledBytes;
      const { connack } = await RawClient.connect(
        { transport: 'tcp', port: here.port, level: 5 },
        { clientId: 'bike', ...persistent },
      );
      expect(connack.sessionPresent).toBe(true);
      expect(here.mesh.barrierTimeouts).toBe(0);
      // Nothing more waits in the link, where it would be kept for as long as that broker is away.
      if (isKnown) expect(link?.unhandledBytes).toBe(unhandledBefore);
    },
  );

  test('finds its session and what came meanwhile, and the one before is told', async () => {
    const before = await connect(here, 'bike', persistent);
    await subscribe(before, 'unlock/bike');
    const app = await connect(here, 'app');
    await publish(app, 'unlock/bike', 'first');
    const first = await before.expect('publish');
    const { client: after, connack } = await RawClient.connect(
      { transport: 'tcp', port: there.port, level: 5 },
      { clientId: 'bike', ...persistent },
    );
    expect(connack.sessionPresent).toBe(true);
    expect(await before.expect('disconnect')).toMatchObject({ reasonCode: 0x8e });
    const again = await after.expect('publish');
    expect(again).toMatchObject({ dup: true, messageId: first.messageId });
    await publish(app, 'unlock/bike', 'second');
    expect((await after.expect('publish')).payload.toString()).toBe('second');
  });
});

describe('a broker that dies', () => {
  test('and is started again does not wait for its earlier run, whose place is kept for a while', async () => {
    cluster.members.kill(there.incarnation);
    cluster.hub.kill(there.incarnation);
    const again = await cluster.start('there');
    expect(again.mesh.barrierTimeouts).toBe(0);
    expect(again.mesh.isDown(there.incarnation)).toBe(true);
    expect(again.mesh.links().map(({ peer }) => peer.incarnation)).toEqual([here.incarnation]);
  });

  test('leaves its clients to the others: their sessions are closed and their wills published once', async () => {
    const watcher = await connect(here, 'watcher');
    await subscribe(watcher, 'gone/+');
    await connect(there, 'bike', {
      ...persistent,
      will: { topic: 'gone/bike', payload: Buffer.from('bye'), qos: 1, retain: false },
    });
    const third = await cluster.start('third');
    cluster.members.expire(there.incarnation);
    expect(await watcher.expect('publish')).toMatchObject({ topic: 'gone/bike' });
    expect(third.mesh.isDown(there.incarnation)).toBe(true);
    const bike = await connect(third, 'bike', persistent);
    expect(await bike.roundTrip()).toEqual([]);
    expect((await watcher.roundTrip()).filter(({ cmd }) => cmd === 'publish')).toEqual([]);
  });
});
