/** A member of a shared group that takes no more at one broker is passed over at the others, as it is at home. */
import { afterEach, beforeEach, expect, test } from 'vitest';
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

async function connect(broker: ClusterBroker, clientId: string, receiveMaximum: number): Promise<RawClient> {
  const options: Partial<IConnectPacket> = {
    clean: false,
    properties: { sessionExpiryInterval: 100, receiveMaximum },
  };
  const { client } = await RawClient.connect(
    { transport: 'tcp', port: broker.port, level: 5 },
    { clientId, ...options },
  );
  return client;
}

async function subscribe(client: RawClient, topic: string): Promise<void> {
  client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic, qos: 1 }] });
  await client.expect('suback');
}

let lastId = 0;
async function publish(client: RawClient, topic: string, payload: string): Promise<void> {
  const messageId = (lastId = (lastId % 60_000) + 1);
  client.send({ cmd: 'publish', topic, payload, qos: 1, messageId, dup: false, retain: false });
  expect(await client.expect('puback')).toMatchObject({ messageId });
}

/** What `broker` believes of a client that is connected to another one. */
async function becomes(broker: ClusterBroker, clientId: string, hasCredit: boolean): Promise<void> {
  const believes = (): boolean | undefined => {
    const [tenant] = broker.broker.tenants();
    return tenant?.subscriber(clientId as never)?.outlet?.hasCredit;
  };
  while (believes() !== hasCredit) await new Promise((resolve) => setImmediate(resolve));
}

test('what is for a group goes to the member that can take it, wherever the other one is slow', async () => {
  const slow = await connect(there, 'slow', 2);
  const quick = await connect(here, 'quick', 100);
  for (const member of [slow, quick]) await subscribe(member, '$share/g/jobs/+');
  const app = await connect(here, 'app', 10);
  const held = [];
  for (let n = 0; held.length < 2; n++) {
    await publish(app, `jobs/${n}`, `${n}`);
    if (n % 2 === 0) held.push(n);
  }
  const first = await slow.expect('publish');
  await slow.expect('publish');
  await becomes(here, 'slow', false);
  const before = (await quick.roundTrip()).length;
  for (let n = 0; n < 20; n++) await publish(app, 'jobs/later', `${n}`);
  const later = (await quick.roundTrip()).filter(
    (packet) => packet.cmd === 'publish' && packet.topic === 'jobs/later',
  );
  expect(later).toHaveLength(20);
  expect(await slow.roundTrip()).toEqual([]);
  expect(before).toBeGreaterThan(0);

  slow.send({ cmd: 'puback', messageId: first.messageId ?? 0 });
  await becomes(here, 'slow', true);
  for (let n = 0; n < 2; n++) await publish(app, 'jobs/again', `${n}`);
  expect(await slow.expect('publish')).toMatchObject({ topic: 'jobs/again' });
});

test('a broker that joins later, and a group that is joined later, know of it too; nobody keeps it behind the connection', async () => {
  const slow = await connect(there, 'slow', 1);
  await subscribe(slow, 'own');
  const app = await connect(here, 'app', 10);
  await publish(app, 'own', 'fills its window');
  await slow.expect('publish');
  await becomes(here, 'slow', true);
  slow.send({ cmd: 'subscribe', messageId: 2, subscriptions: [{ topic: '$share/g/jobs', qos: 1 }] });
  await slow.expect('suback');
  await becomes(here, 'slow', false);
  const third = await cluster.start('third');
  await becomes(third, 'slow', false);
  const again = await connect(there, 'slow', 2);
  await again.expect('publish');
  await becomes(here, 'slow', true);
  await becomes(third, 'slow', true);
});
