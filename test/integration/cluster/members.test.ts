/** Brokers that know each other by a real ZooKeeper: what each shows of the others, and what a drain makes of that. */
import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest';
import { freePorts } from '../../../engines/free-ports.ts';
import type { ClusterMembers, MemberSummary } from '../../../src/admin/admin-port.ts';
import { REASON } from '../../../src/mqtt/reason-code.ts';
import { incarnation } from '../../../src/tenancy/identity.ts';
import { newCluster } from '../../support/cluster-brokers.ts';
import { RunningBroker, type BrokerSettings } from '../../support/running-broker.ts';
import { TcpRelay } from '../../support/tcp-relay.ts';
import { MQTT_5, newClientId, persistent } from '../support/versions.ts';

/** The shortest that the configuration allows. */
const SHORT_SESSION_MS = 4_000;
const WAIT = { timeout: 20_000, interval: 50 };

let cluster: BrokerSettings;
let here: RunningBroker;
let there: RunningBroker;
/** Between `there` and `here`, for what `there` has to say. */
let network: TcpRelay;

beforeAll(async () => {
  const place = { zookeeperQuorum: inject('zookeeperQuorum'), kafkaBrokers: inject('kafkaAddress') };
  cluster = await newCluster(place);
  const [peerPort = 0] = await freePorts(1);
  network = await TcpRelay.start({ host: '127.0.0.1', port: peerPort });
  const start = async (id: string, peering: BrokerSettings['cluster']) =>
    await RunningBroker.start({
      ...cluster,
      broker: { id },
      cluster: { serverReference: `${id}.example:1883`, ...peering },
    });
  here = await start('here', { peerPort, advertise: `127.0.0.1:${network.port}` });
  there = await start('there', { peerPort: 0 });
});

afterAll(async () => {
  await here.dispose();
  await there.dispose();
  network.close();
});

async function membersAt(broker: RunningBroker): Promise<readonly MemberSummary[]> {
  const { clustered, members } = (await (await broker.admin('/api/v1/members')).json()) as ClusterMembers;
  expect(clustered).toBe(true);
  return members;
}

/** `incarnation state` */
async function statesAt(broker: RunningBroker): Promise<readonly string[]> {
  return (await membersAt(broker)).map(({ incarnation, state }) => `${incarnation} ${state}`);
}

/** The latest run of a broker. */
async function shownAs(at: RunningBroker, brokerId: string): Promise<MemberSummary | undefined> {
  return (await membersAt(at)).findLast((member) => member.brokerId === brokerId);
}

/** Resolves when one broker shows the latest run of another like this. */
async function untilShown(at: RunningBroker, brokerId: string, like: Partial<MemberSummary>): Promise<void> {
  await vi.waitFor(async () => {
    expect(await shownAs(at, brokerId)).toMatchObject(like);
  }, WAIT);
}

async function drain(broker: RunningBroker, method: 'POST' | 'DELETE'): Promise<unknown> {
  const body = method === 'POST' ? { body: JSON.stringify({ noticeMs: 0 }) } : {};
  return await (await broker.admin('/api/v1/drain', { method, ...body })).json();
}

test('each shows itself and the other one, with the link to it', async () => {
  const isUp = { state: 'up', linkUp: true } as const;
  await untilShown(here, 'there', { ...isUp, serverReference: 'there.example:1883' });
  await untilShown(there, 'here', { ...isUp, peerAddress: `127.0.0.1:${network.port}` });
  expect(await membersAt(here)).toMatchObject([
    { incarnation: 'here#1', self: true, state: 'up' },
    { incarnation: 'there#1', self: false, state: 'up', draining: false },
  ]);
  const metrics = await (await here.admin('/metrics')).text();
  expect(metrics).toMatch(/^spoke_members\{state="up"\} 2$/m);
  expect(metrics).toMatch(/^spoke_peer_unhandled_bytes\{peer="there#1"\} \d+$/m);
});

test('a broker that is alive and cannot be reached is shown as such, until it can', async () => {
  network.refuse();
  await untilShown(there, 'here', { state: 'unreachable', linkUp: false });
  expect((await membersAt(here)).map(({ state }) => state)).toEqual(['up', 'up']);
  network.mend();
  await untilShown(there, 'here', { state: 'up', linkUp: true });
});

test('a drain is known to the others, sends clients to them, and is refused to the last one', async () => {
  const { client } = await here.connect(MQTT_5, { clientId: newClientId('moved'), ...persistent(MQTT_5) });
  await drain(here, 'POST');
  expect(await client.expect('disconnect')).toMatchObject({
    reasonCode: REASON.useAnotherServer,
    properties: { serverReference: 'there.example:1883' },
  });
  await untilShown(there, 'here', { state: 'up', draining: true });
  expect(await drain(there, 'POST')).toMatchObject({ code: 'LAST_BROKER' });
  await drain(here, 'DELETE');
  await untilShown(there, 'here', { draining: false });
});

test('a broker that stopped is down, beside its next run', async () => {
  await here.stop();
  await untilShown(there, 'here', { incarnation: incarnation('here', 1), state: 'down' });
  await here.startAgain();
  await untilShown(there, 'here', { incarnation: incarnation('here', 2), state: 'up' });
  expect(await statesAt(there)).toEqual(['here#1 down', 'here#2 up', 'there#1 up']);
});

test('a broker that ZooKeeper does not hear of ends its connections before others are told that it is down', async () => {
  const [host = '', port] = inject('zookeeperQuorum').split(':');
  const toZooKeeper = await TcpRelay.start({ host, port: Number(port) });
  const hbase = { ...cluster.hbase, zookeeperQuorum: `127.0.0.1:${toZooKeeper.port}` };
  const peering = { peerPort: 0, sessionTimeoutMs: SHORT_SESSION_MS };
  const cutOff = await RunningBroker.start({
    ...cluster,
    hbase,
    broker: { id: 'cut-off' },
    cluster: peering,
  });
  try {
    const { client } = await cutOff.connect(MQTT_5, {
      clientId: newClientId('cut-off'),
      ...persistent(MQTT_5),
    });
    await untilShown(there, 'cut-off', { state: 'up' });
    toZooKeeper.hold();
    await client.closed();
    const ended = await shownAs(cutOff, 'cut-off');
    expect(ended).toMatchObject({ state: 'down' });
    await untilShown(there, 'cut-off', { state: 'down' });
    expect((await shownAs(there, 'cut-off'))?.sinceMs).toBeGreaterThanOrEqual(ended?.sinceMs ?? Infinity);
    await expect(cutOff.connect(MQTT_5)).rejects.toThrow();
  } finally {
    toZooKeeper.mend();
    await cutOff.dispose();
    toZooKeeper.close();
  }
});
