/** PUBACK of a retained message means: whoever subscribes from now on is shown it, at whichever broker. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lagging } from '../../support/lagging-log.ts';
import { MemoryCluster, type ClusterBroker } from '../../support/memory-cluster.ts';
import { RawClient } from '../../support/raw-client.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const ROUNDS = 2_000;
/** That do it at the same time. */
const CLIENTS = 20;
/** Turns of the event loop that the other broker is behind with the log, at most. */
const LAG_MAX = 10;
const SEED = 17;
/** Retained, and shown behind everything else. */
const END = 'end';

let cluster: MemoryCluster;
let here: ClusterBroker;
let there: ClusterBroker;

beforeEach(async () => {
  cluster = new MemoryCluster();
  const random = seededRandom(SEED);
  here = await cluster.start('here');
  there = await cluster.start('there', {
    retainedLog: lagging(cluster.retainedLog, () => Math.floor(random() * (LAG_MAX + 1))),
  });
  const { client } = await RawClient.connect(
    { transport: 'tcp', port: here.port, level: 5 },
    { clientId: 'end' },
  );
  client.send({ cmd: 'publish', topic: END, payload: 'x', qos: 1, messageId: 1, dup: false, retain: true });
  await client.expect('puback');
});

afterEach(async () => {
  await cluster.close();
});

async function connect({ port }: ClusterBroker, clientId: string): Promise<RawClient> {
  return (await RawClient.connect({ transport: 'tcp', port, level: 5 }, { clientId })).client;
}

function publish(client: RawClient, round: number, qos: 1 | 2, payload: string): void {
  const topic = `state/${round}`;
  client.send({ cmd: 'publish', topic, payload, qos, messageId: round, dup: false, retain: true });
}

/** The retained message of that topic as the subscriber is shown it. */
async function shown(client: RawClient, round: number): Promise<string | undefined> {
  const subscriptions = [`state/${round}`, END].map((topic) => ({ topic, qos: 0 as const }));
  client.send({ cmd: 'subscribe', messageId: round, subscriptions });
  await client.expect('suback');
  let payload: string | undefined;
  for (;;) {
    const message = await client.expect('publish');
    if (message.topic === END) break;
    payload = message.payload.toString();
  }
  client.send({
    cmd: 'unsubscribe',
    messageId: round,
    unsubscriptions: subscriptions.map(({ topic }) => topic),
  });
  await client.expect('unsuback');
  return payload;
}

test(`is shown at another broker, ${ROUNDS} times`, async () => {
  const clients = Array.from({ length: CLIENTS }, async (_, client) => {
    const publisher = await connect(here, `publisher-${client}`);
    const subscriber = await connect(there, `subscriber-${client}`);
    let missed = 0;
    for (let round = client + 1; round <= ROUNDS; round += CLIENTS) {
      publish(publisher, round, 1, `${round}`);
      await publisher.expect('puback');
      if ((await shown(subscriber, round)) !== `${round}`) missed++;
    }
    return missed;
  });
  expect((await Promise.all(clients)).reduce((sum, missed) => sum + missed)).toBe(0);
});

test('PUBREC says the same, and so does PUBACK of a message that clears', async () => {
  const publisher = await connect(here, 'publisher');
  const subscriber = await connect(there, 'subscriber');
  for (let round = 1; round <= 50; round++) {
    publish(publisher, round, 2, `${round}`);
    await publisher.expect('pubrec');
    expect(await shown(subscriber, round)).toBe(`${round}`);
    publisher.send({ cmd: 'pubrel', messageId: round });
    await publisher.expect('pubcomp');
    publish(publisher, round, 1, '');
    await publisher.expect('puback');
    expect(await shown(subscriber, round)).toBeUndefined();
  }
});

test('a broker that dies is waited for until it is down, and no longer', async () => {
  const publisher = await connect(here, 'publisher');
  cluster.hub.part(here.incarnation, there.incarnation);
  publish(publisher, 1, 1, 'lost');
  await there.membership.leave();
  await publisher.expect('puback');
  expect(here.mesh.barrierTimeouts).toBe(0);
});

test('a broker of the release before is not waited for: it could not say so', async () => {
  await cluster.start('older', {}, { min: 1, max: 1 });
  const publisher = await connect(here, 'publisher');
  const subscriber = await connect(there, 'subscriber');
  for (let round = 1; round <= 20; round++) {
    publish(publisher, round, 1, `${round}`);
    await publisher.expect('puback');
    expect(await shown(subscriber, round)).toBe(`${round}`);
  }
  expect(here.mesh.barrierTimeouts).toBe(0);
});
