/** Two brokers on one event log in Kafka, queues and snapshots in HBase: whoever has the client has its session. */
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest';
import { REASON } from '../../../src/mqtt/reason-code.ts';
import { newCluster } from '../../support/cluster-brokers.ts';
import { jobFile, runJob } from '../../support/compaction-child.ts';
import { changeTopic } from '../../support/kafka-topic.ts';
import type { RawClient } from '../../support/raw-client.ts';
import { RunningBroker, type BrokerSettings } from '../../support/running-broker.ts';
import {
  disconnect,
  expectNothing,
  payloads,
  publish,
  subscribe,
  take,
  takeAll,
} from '../support/exchanges.ts';
import { MQTT_5, newClientId, persistent } from '../support/versions.ts';

const TAKE_OVERS = 30;

let cluster: BrokerSettings;
let here: RunningBroker;
let there: RunningBroker;

const place = () => ({ zookeeperQuorum: inject('zookeeperQuorum'), kafkaBrokers: inject('kafkaAddress') });

beforeAll(async () => {
  cluster = await newCluster(place());
  here = await RunningBroker.start({ ...cluster, broker: { id: 'here' } });
  there = await RunningBroker.start({ ...cluster, broker: { id: 'there' } });
});

afterAll(async () => {
  await here.dispose();
  await there.dispose();
});

interface SessionOnRecord {
  readonly owner?: { readonly incarnation: string };
  readonly subscriptions: readonly { readonly filter: string }[];
}

/** What a broker knows of a session; undefined: nothing. */
async function sessionAt(broker: RunningBroker, clientId: string): Promise<SessionOnRecord | undefined> {
  const response = await broker.admin(`/api/v1/session?client=${clientId}`);
  return response.status === 404 ? undefined : ((await response.json()) as SessionOnRecord);
}

async function filtersAt(broker: RunningBroker, clientId: string): Promise<string[] | undefined> {
  return (await sessionAt(broker, clientId))?.subscriptions.map(({ filter }) => filter).sort();
}

function connect(broker: RunningBroker, clientId: string, connecting = {}) {
  return broker.connect(MQTT_5, { clientId, ...persistent(MQTT_5), ...connecting });
}

/** A persistent client that subscribed on a broker and has left. */
async function absent(broker: RunningBroker, ...topics: readonly string[]): Promise<string> {
  const clientId = newClientId('wanderer');
  const { client } = await connect(broker, clientId);
  await subscribe(client, ...topics.map((topic) => ({ topic, qos: 2 as const })));
  await disconnect(client);
  return clientId;
}

describe('two brokers on one log', () => {
  it('know each other’s sessions while they run, and a third one when it comes', async () => {
    const clientId = await absent(here, 'a/+', 'b');
    await expect.poll(() => filtersAt(there, clientId)).toEqual(['a/+', 'b']);
    const third = await RunningBroker.start({ ...cluster, broker: { id: 'third' } });
    expect(await filtersAt(third, clientId)).toEqual(['a/+', 'b']);
    await third.dispose();
    expect(await filtersAt(here, clientId)).toEqual(['a/+', 'b']);
  });

  it('both fill the queue of an absent session, and either delivers it in order, once', async () => {
    const clientId = await absent(here, 'queue/#');
    await expect.poll(() => filtersAt(there, clientId)).toEqual(['queue/#']);
    const expected: string[] = [];
    for (const [index, broker] of [here, there, there, here].entries()) {
      const { client: sender } = await broker.connect(MQTT_5, { clientId: newClientId('sender') });
      const qos = index % 2 === 0 ? 1 : 2;
      expect(await publish(sender, { topic: `queue/${index}`, qos, payload: `${index}` })).toBe(
        REASON.success,
      );
      expected.push(`${index}`);
      await disconnect(sender);
    }
    const { client, connack } = await connect(there, clientId);
    expect(connack.sessionPresent).toBe(true);
    expect(payloads(await takeAll(client, expected.length))).toEqual(expected);
    await expectNothing(client);
    await disconnect(client);
    const { client: back } = await connect(here, clientId);
    await expectNothing(back);
    await disconnect(back);
  });

  it('deliver what was published at either', async () => {
    const clientId = await absent(here, 'news');
    const { client } = await connect(there, clientId);
    for (const [broker, payload] of [
      [here, 'from elsewhere'],
      [there, 'from here'],
    ] as const) {
      const { client: sender } = await broker.connect(MQTT_5, { clientId: newClientId('sender') });
      await publish(sender, { topic: 'news', qos: 1, payload });
      expect(payloads(await takeAll(client, 1))).toEqual([payload]);
      await disconnect(sender);
    }
    await disconnect(client);
  });

  it('show retained messages of each other', async () => {
    const { client: sender } = await here.connect(MQTT_5, { clientId: newClientId('sender') });
    expect(await publish(sender, { topic: 'retained', qos: 1, retain: true, payload: 'kept' })).toBeLessThan(
      0x80,
    );
    const received = async (): Promise<string[]> => {
      const { client } = await there.connect(MQTT_5, { clientId: newClientId() });
      await subscribe(client, { topic: 'retained', qos: 0 });
      const packets = await client.roundTrip();
      client.destroy();
      return packets.map((packet) => (packet.cmd === 'publish' ? packet.payload.toString() : packet.cmd));
    };
    await expect.poll(received).toEqual(['kept']);
  });

  it('a take-over has one winner, and whoever lost is told', async () => {
    const clientId = await absent(here, 'mine');
    for (let round = 0; round < TAKE_OVERS; round++) {
      const [first, second] = round % 2 === 0 ? [here, there] : [there, here];
      const attempts = await Promise.allSettled([connect(first, clientId), connect(second, clientId)]);
      const connected = attempts.flatMap((attempt) =>
        attempt.status === 'fulfilled' && attempt.value.connack.reasonCode === 0 ? [attempt.value] : [],
      );
      expect(connected.length).toBeGreaterThan(0);
      for (const { connack } of connected) expect(connack.sessionPresent).toBe(true);
      const owner = await agreedOwner(clientId);
      const open = await openOnes(connected.map(({ client }) => client));
      expect(open).toHaveLength(1);
      expect(owner).toMatch(/^(here|there)#/);
      expect(await filtersAt(here, clientId)).toEqual(['mine']);
      expect(await filtersAt(there, clientId)).toEqual(['mine']);
      for (const { client } of connected) client.destroy();
    }
  });

  it('an earlier connection is told who has the session now', async () => {
    const clientId = newClientId('mover');
    const { client } = await connect(here, clientId);
    await subscribe(client, { topic: 'moved', qos: 1 });
    const { client: next, connack } = await connect(there, clientId);
    expect(connack.sessionPresent).toBe(true);
    expect(await client.expect('disconnect')).toMatchObject({ reasonCode: REASON.sessionTakenOver });
    await client.closed();
    const { client: sender } = await there.connect(MQTT_5, { clientId: newClientId('sender') });
    await publish(sender, { topic: 'moved', qos: 1, payload: 'to you' });
    expect((await take(next)).payload.toString()).toBe('to you');
    await disconnect(next);
  });

  it('a session that ends on one is gone on the other', async () => {
    const clientId = await absent(here, 'x');
    await expect.poll(() => filtersAt(there, clientId)).toEqual(['x']);
    const response = await there.admin(`/api/v1/session?client=${clientId}&discard=true`, {
      method: 'DELETE',
    });
    expect(response.status).toBe(200);
    await expect.poll(() => sessionAt(here, clientId)).toBeUndefined();
    const { client, connack } = await connect(here, clientId);
    expect(connack.sessionPresent).toBe(false);
    await disconnect(client);
  });

  it('show Kafka and HBase among their metrics, and are ready', async () => {
    const metrics = await (await here.admin('/metrics')).text();
    expect(metrics).toMatch(/^spoke_kafka_available\{topic="cluster_\w+\.session-events"\} 1$/m);
    expect(metrics).toMatch(/^spoke_kafka_records_appended_total\{[^}]*retained"\} [1-9]/m);
    expect(metrics).toMatch(/^spoke_hbase_calls_total [1-9]/m);
    expect((await here.admin('/readyz')).status).toBe(200);
  });
});

describe('a broker does not start', () => {
  const start = (settings: BrokerSettings) => RunningBroker.start({ ...cluster, ...settings });

  it('without its topics, and says how they are made', async () => {
    const kafka = { ...cluster.kafka, topicPrefix: 'nowhere' };
    await expect(start({ kafka })).rejects.toThrow(
      'Kafka topic nowhere.session-events is unavailable: it does not exist; run "spoke storage apply"',
    );
  });

  it('with another number of partitions than there are', async () => {
    const kafka = { ...cluster.kafka, partitions: 3 };
    await expect(start({ kafka })).rejects.toThrow(/has 4 partitions, and kafka.partitions is 3/);
  });

  it('on a topic that forgets by age, nor does the compaction job; once it is mended they do', async () => {
    const { kafka, hbase } = await newCluster(place());
    const topic = `${kafka?.topicPrefix ?? ''}.retained`;
    const file = await jobFile({ ...cluster, kafka, hbase });
    onTestFinished(() => file.remove());
    await changeTopic([inject('kafkaAddress')], topic, { 'cleanup.policy': 'delete' });
    await expect(start({ kafka, hbase })).rejects.toThrow(
      `Kafka topic ${topic} is unavailable: cleanup.policy is "delete", should be "compact"`,
    );
    const { exitCode, progress } = await runJob(file, ['--repair']);
    expect(exitCode).toBe(1);
    expect(progress).toContain('cleanup.policy is "delete", should be "compact"');
    await changeTopic([inject('kafkaAddress')], topic, { 'cleanup.policy': 'compact' });
    await (await start({ kafka, hbase })).dispose();
  });

  it('on tables of another log', async () => {
    const other = await newCluster(place());
    await expect(start({ kafka: other.kafka })).rejects.toThrow(
      /belongs to the event log cluster_\w+ in Kafka/,
    );
  });
});

/** Both brokers name the same owner, within the time that a record takes. */
async function agreedOwner(clientId: string): Promise<string | undefined> {
  let owners: (string | undefined)[] = [];
  await expect
    .poll(async () => {
      const sessions = await Promise.all([here, there].map((broker) => sessionAt(broker, clientId)));
      owners = sessions.map((session) => session?.owner?.incarnation);
      return owners[0] !== undefined && owners[0] === owners[1];
    })
    .toBe(true);
  return owners[0];
}

/** Those that still answer once the others have been told. */
async function openOnes(clients: readonly RawClient[]): Promise<RawClient[]> {
  const alive = await Promise.all(
    clients.map(async (client) => {
      try {
        return (await client.roundTrip()).every(({ cmd }) => cmd !== 'disconnect');
      } catch {
        return false;
      }
    }),
  );
  return clients.filter((_, index) => alive[index]);
}
