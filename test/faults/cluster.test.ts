/**
 * Brokers on a real Kafka that loses its leader, or goes away altogether, while clients connect, subscribe and publish: what was
 * acknowledged is there afterwards, what could not be recorded was not acknowledged, and publishers to queues are not held up.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { HBaseEngine } from '../../engines/hbase/hbase-engine.ts';
import { KafkaEngine } from '../../engines/kafka/kafka-engine.ts';
import type { ServerProcess } from '../../engines/server-process.ts';
import { openKafkaEventLog } from '../../src/adapters/kafka/event-log/kafka-event-log.ts';
import { decodeSessionEvent } from '../../src/event-log/session-event-codec.ts';
import { REASON } from '../../src/mqtt/reason-code.ts';
import { SessionRegistry } from '../../src/session/session-registry.ts';
import { DEFAULT_TENANT, type ClientId } from '../../src/tenancy/identity.ts';
import { CrashRig, seededFor } from '../crash/support/crash-rig.ts';
import { publish, publishPacket, subscribe } from '../integration/support/exchanges.ts';
import { MQTT_5, persistent } from '../integration/support/versions.ts';
import { newCluster } from '../support/cluster-brokers.ts';
import { withAdmin } from '../support/kafka-topic.ts';
import type { RawClient } from '../support/raw-client.ts';
import { RunningBroker, type BrokerSettings } from '../support/running-broker.ts';
import { ANSWER_MS, Arrivals } from './support/arrivals.ts';
import { Contenders } from './support/contenders.ts';
import { spawnedVictim } from './support/spawned-victim.ts';
import { SteadyTraffic } from './support/steady-traffic.ts';

const AWAY_MS = 30_000;
/** Of an append, in the test in which Kafka is away. */
const OPERATION_MS = 4_000;
const KILLS = 3;
/** Answers of everybody between two kills, so that each meets traffic. */
const ANSWERS_BETWEEN = 5;
const CONTESTED = 2;
/** That connect at once. */
const CONNECTS = 200;

let hbase: HBaseEngine;
let kafka: KafkaEngine;

beforeAll(async () => {
  hbase = await HBaseEngine.start();
  kafka = await KafkaEngine.start({ brokers: 3 });
});

afterAll(async () => {
  await kafka.stop();
  await hbase.stop();
});

function clusterOf(operationTimeoutMs: number): Promise<BrokerSettings> {
  return newCluster({
    zookeeperQuorum: hbase.zookeeperQuorum,
    kafkaBrokers: kafka.addresses.join(','),
    kafka: { replicationFactor: 3, minInsyncReplicas: 2, requestTimeoutMs: 2_000, operationTimeoutMs },
  });
}

/** What the whole log says, folded from its first record. */
async function foldOf(cluster: BrokerSettings): Promise<SessionRegistry> {
  const ignore = (): void => undefined;
  const registry = new SessionRegistry(DEFAULT_TENANT, {
    sessionChanged: ignore,
    overruled: ignore,
    subscriptionOverruled: ignore,
    subscribed: ignore,
    unsubscribed: ignore,
  });
  const log = await openKafkaEventLog({
    connection: { brokers: kafka.addresses, clientId: 'fold' },
    topic: `${cluster.kafka?.topicPrefix ?? ''}.session-events`,
  });
  const follower = await log.follow(await log.startOffsets(), (entries) => {
    for (const entry of entries) registry.apply(decodeSessionEvent(entry), entry.offset);
  });
  await follower.stop();
  await log.close();
  return registry;
}

interface SessionOnRecord {
  readonly owner?: { readonly incarnation: string };
  readonly subscriptions?: readonly { readonly filter: string }[];
}

async function sessionAt(broker: RunningBroker, clientId: string): Promise<SessionOnRecord> {
  return (await (await broker.admin(`/api/v1/session?client=${clientId}`)).json()) as SessionOnRecord;
}

async function filtersAt(broker: RunningBroker, clientId: string): Promise<unknown> {
  return (await sessionAt(broker, clientId)).subscriptions?.map(({ filter }) => filter);
}

async function ownerAt(broker: RunningBroker, clientId: string): Promise<string> {
  return (await sessionAt(broker, clientId)).owner?.incarnation ?? 'nobody';
}

/** Of the topic of session events. */
async function sampleAt(broker: RunningBroker, name: string): Promise<number> {
  const page = await (await broker.admin('/metrics')).text();
  return Number(new RegExp(`^${name}\\{topic="[^"]*session-events"\\} (\\d+)$`, 'm').exec(page)?.[1]);
}

/** Every subscription that was acknowledged is on the log and with every broker, which know nothing else than the log. */
async function expectKept(
  cluster: BrokerSettings,
  brokers: readonly RunningBroker[],
  acknowledged: ReadonlyMap<string, string>,
): Promise<void> {
  const fold = await foldOf(cluster);
  for (const [clientId, topic] of acknowledged) {
    expect([...(fold.get(clientId as ClientId)?.subscriptions.keys() ?? [])], clientId).toEqual([topic]);
    for (const broker of brokers) expect(await filtersAt(broker, clientId), clientId).toEqual([topic]);
  }
  for (const broker of brokers) {
    const counted = /^spoke_sessions\{[^}]*\} (\d+)$/m.exec(await (await broker.admin('/metrics')).text());
    expect(Number(counted?.[1])).toBe([...fold.sessions()].length);
  }
}

test('the leader of partitions is killed while clients connect, subscribe and contend on two brokers', async () => {
  const cluster = await clusterOf(20_000);
  const brokers = await startTwo(cluster);
  const arrivals = new Arrivals(brokers);
  const contests = Array.from({ length: CONTESTED }, (_, n) => new Contenders(brokers, `contested-${n}`));
  const contended = (wins: number) => Promise.all(contests.map((contest) => contest.further(wins)));
  await Promise.all([arrivals.further(30), contended(5)]);
  const leader = await leaderOf(`${cluster.kafka?.topicPrefix ?? ''}.session-events`);
  const killedMs = performance.now();
  await leader.kill();
  await arrivals.further(60);
  const recoveredMs = performance.now() - killedMs;
  await contended(5);
  await leader.start();
  await kafka.ready();
  await Promise.all([arrivals.further(30), contended(5)]);
  await arrivals.stop();
  const late = await RunningBroker.start({ ...cluster, broker: { id: 'late' } });
  for (const contest of contests) {
    const winner = ['one', 'two'][await contest.winner()];
    for (const broker of [...brokers, late])
      await expect.poll(() => ownerAt(broker, contest.clientId)).toMatch(`${winner ?? 'nobody'}#`);
    await contest.leave();
  }
  await settled(brokers);
  await expectKept(cluster, [...brokers, late], arrivals.acknowledged);
  await Promise.all([...brokers, late].map((broker) => broker.dispose()));
  console.info(
    `leader killed: ${arrivals.acknowledged.size} sessions with their subscription acknowledged, ${arrivals.refused} refused, 60 of them ` +
      `in the ${seconds(recoveredMs)} behind the kill, the slowest took ${seconds(arrivals.slowestMs)}`,
  );
});

test('clients that connect at once share a request, and none is acknowledged before Kafka has it', async () => {
  const broker = await RunningBroker.start(await clusterOf(20_000));
  const requests = () => sampleAt(broker, 'spoke_kafka_produce_requests_total');
  const clients = await Promise.all(Array.from({ length: CONNECTS }, () => broker.open(MQTT_5)));
  const before = await requests();
  for (const each of kafka.brokers) each.pause();
  for (const [n, client] of clients.entries()) client.sendConnect({ clientId: `at-once-${n}` });
  // All of them are on their way, and only what was there first has been sent.
  const waiting = () => sampleAt(broker, 'spoke_kafka_records_waiting');
  await expect.poll(waiting, { timeout: ANSWER_MS }).toBe(CONNECTS);
  expect(clients.filter(({ bytesReceived }) => bytesReceived > 0)).toEqual([]);
  for (const each of kafka.brokers) each.resume();
  const connacks = await Promise.all(clients.map((client) => client.expect('connack', ANSWER_MS)));
  expect(new Set(connacks.map(({ reasonCode }) => reasonCode))).toEqual(new Set([0]));
  const sent = (await requests()) - before;
  // Two to each of three leaders, and some again where they were asked too soon after their pause.
  expect(sent).toBeLessThan(CONNECTS / 5);
  await broker.dispose();
  console.info(`${CONNECTS} clients that connected at once took ${sent} requests`);
});

test('a broker is killed again and again, and each time its disk is gone', async () => {
  const { kafka: log, hbase: tables } = await clusterOf(20_000);
  const victim = await spawnedVictim({
    settings: {
      SPOKE_EVENT_LOG_STORE: 'kafka',
      SPOKE_KAFKA_BROKERS: log?.brokers ?? '',
      SPOKE_KAFKA_TOPIC_PREFIX: log?.topicPrefix ?? '',
      SPOKE_KAFKA_PARTITIONS: `${log?.partitions ?? ''}`,
      SPOKE_QUEUES_STORE: 'hbase',
      SPOKE_HBASE_NAMESPACE: tables?.namespace ?? '',
      SPOKE_HBASE_ZOOKEEPER_QUORUM: hbase.zookeeperQuorum,
    },
    losesItsDisk: true,
  });
  const rig = await CrashRig.around(seededFor('cluster broker killed'), victim);
  const traffic = await SteadyTraffic.start(rig);
  for (let kill = 1; kill <= KILLS; kill++) {
    traffic.look();
    await rig.killAndRestart();
    await traffic.everybodyAnswered(ANSWERS_BETWEEN);
    traffic.report(`broker on Kafka and HBase killed, ${kill} of ${KILLS}`);
  }
  await traffic.settle();
});

test('Kafka is away for thirty seconds: nothing that it records is acknowledged, and queues go on', async () => {
  const cluster = await clusterOf(OPERATION_MS);
  const broker = await RunningBroker.start(cluster);
  const absentId = 'absent';
  const { client: absent } = await broker.connect(MQTT_5, { clientId: absentId, ...persistent(MQTT_5) });
  await subscribe(absent, { topic: 'queue', qos: 1 });
  const acknowledged = new Map([[absentId, 'queue']]);
  const { client: publisher } = await broker.connect(MQTT_5, { clientId: 'publisher' });
  const [subscribing, unsubscribing, retaining] = await Promise.all(
    ['subscribing', 'unsubscribing', 'retaining'].map(async (clientId) => {
      const { client } = await broker.connect(MQTT_5, { clientId, ...persistent(MQTT_5) });
      await subscribe(client, { topic: clientId, qos: 1 });
      acknowledged.set(clientId, clientId);
      return client;
    }),
  );
  if (subscribing === undefined || unsubscribing === undefined || retaining === undefined)
    throw new Error('no clients');
  absent.destroy();
  await expect.poll(() => isReady(broker)).toBe(true);

  const awayAtMs = performance.now();
  await Promise.all(kafka.brokers.map((each) => each.kill()));
  const published = new Publishing(publisher);
  subscribing.send({ cmd: 'subscribe', messageId: 2, subscriptions: [{ topic: 'more', qos: 1 }] });
  unsubscribing.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['unsubscribing'] });
  retaining.send(publishPacket({ topic: 'retained', qos: 1, retain: true, messageId: 2 }));
  const connecting = await broker.open(MQTT_5);
  connecting.sendConnect({ clientId: 'connecting', ...persistent(MQTT_5) });
  const [suback, unsuback, puback, connack] = await Promise.all(
    [subscribing, unsubscribing, retaining, connecting].map((client) => client.next(ANSWER_MS)),
  );
  expect(suback).toMatchObject({ cmd: 'disconnect', reasonCode: REASON.serverBusy });
  expect(unsuback).toMatchObject({ cmd: 'disconnect', reasonCode: REASON.serverBusy });
  expect(puback).toMatchObject({ cmd: 'disconnect', reasonCode: REASON.serverBusy });
  expect(connack).toMatchObject({ cmd: 'connack', reasonCode: REASON.serverUnavailable });
  const answeredMs = performance.now() - awayAtMs;
  await expect.poll(() => isReady(broker), { timeout: 20_000 }).toBe(false);
  expect(await (await broker.admin('/readyz')).text()).toMatch(/"Kafka does not answer for /);
  expect(await (await broker.admin('/metrics')).text()).toMatch(/^spoke_kafka_available\{[^}]*\} 0$/m);
  await sleep(AWAY_MS - (performance.now() - awayAtMs));
  const meanwhile = published.count;
  expect(meanwhile).toBeGreaterThan(10);
  for (const each of kafka.brokers) await each.start();
  await kafka.ready();
  const backAtMs = performance.now();
  await expect.poll(() => isReady(broker), { timeout: 60_000 }).toBe(true);
  const readyMs = performance.now() - backAtMs;
  const payloads = await published.stop();
  await expect.poll(() => tryToSubscribe(broker, acknowledged), { timeout: 60_000 }).toBe(true);

  const { client: back, connack: resumed } = await broker.connect(MQTT_5, {
    clientId: absentId,
    ...persistent(MQTT_5),
  });
  expect(resumed.sessionPresent).toBe(true);
  for (const payload of payloads) {
    const message = await back.expect('publish', ANSWER_MS);
    expect(message.payload.toString()).toBe(payload);
    back.send({ cmd: 'puback', messageId: message.messageId ?? 0 });
  }
  await expectKept(cluster, [broker], acknowledged);
  await broker.dispose();
  console.info(
    `Kafka away for ${seconds(AWAY_MS)}: refusals took ${seconds(answeredMs)}, ${meanwhile} messages were acknowledged meanwhile, the slowest ` +
      `in ${seconds(published.slowestMs)}; ready again ${seconds(readyMs)} after Kafka was`,
  );
});

/** QoS 1 to the queue of an absent session, one message after the other. */
class Publishing {
  readonly #client: RawClient;
  readonly #running: Promise<void>;
  readonly #payloads: string[] = [];
  slowestMs = 0;
  #over = false;

  constructor(client: RawClient) {
    this.#client = client;
    this.#running = this.#run();
  }

  get count(): number {
    return this.#payloads.length;
  }

  /** Resolves to what was acknowledged, in order. */
  async stop(): Promise<readonly string[]> {
    this.#over = true;
    await this.#running;
    return this.#payloads;
  }

  async #run(): Promise<void> {
    while (!this.#over) {
      const payload = `${this.#payloads.length}`;
      const startedMs = performance.now();
      expect(await publish(this.#client, { topic: 'queue', qos: 1, payload })).toBe(REASON.success);
      this.slowestMs = Math.max(this.slowestMs, performance.now() - startedMs);
      this.#payloads.push(payload);
      await sleep(50);
    }
  }
}

async function startTwo(cluster: BrokerSettings): Promise<readonly RunningBroker[]> {
  const one = await RunningBroker.start({ ...cluster, broker: { id: 'one' } });
  return [one, await RunningBroker.start({ ...cluster, broker: { id: 'two' } })];
}

async function isReady(broker: RunningBroker): Promise<boolean> {
  return (await broker.admin('/readyz')).status === 200;
}

/** A client that could not subscribe before comes back and does; so do all whose connection was closed. */
async function tryToSubscribe(broker: RunningBroker, acknowledged: Map<string, string>): Promise<boolean> {
  const client = await broker.open(MQTT_5);
  client.sendConnect({ clientId: 'connecting', ...persistent(MQTT_5) });
  if ((await client.expect('connack', ANSWER_MS)).reasonCode !== 0) return false;
  await subscribe(client, { topic: 'connected', qos: 1 });
  acknowledged.set('connecting', 'connected');
  client.destroy();
  return true;
}

/** The ends of all connections are on record: nothing is written any more. */
async function settled(brokers: readonly RunningBroker[]): Promise<void> {
  const connected = async (broker: RunningBroker): Promise<number> => {
    const response = await broker.admin('/api/v1/sessions?connected=true&limit=1000');
    return ((await response.json()) as { items: unknown[] }).items.length;
  };
  for (const broker of brokers) await expect.poll(() => connected(broker), { timeout: 60_000 }).toBe(0);
}

async function leaderOf(topic: string): Promise<ServerProcess> {
  const { topics } = await withAdmin(kafka.addresses, (admin) =>
    admin.fetchTopicMetadata({ topics: [topic] }),
  );
  const leader = kafka.brokers[(topics[0]?.partitions[0]?.leader ?? 0) - 1];
  if (leader === undefined) throw new Error(`Nobody leads ${topic}`);
  return leader;
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
