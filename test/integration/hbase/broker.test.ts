/** A whole broker with its queues in HBase: what is particular to that. */
import { describe, expect, inject, it } from 'vitest';
import { REASON } from '../../../src/mqtt/reason-code.ts';
import { startBrokersInHBase } from '../../support/hbase-brokers.ts';
import { eventually } from '../../support/eventually.ts';
import { RunningBroker } from '../../support/running-broker.ts';
import {
  disconnect,
  expectNothing,
  payloads,
  publish,
  publishPacket,
  subscribe,
  takeAll,
} from '../support/exchanges.ts';
import { metric } from '../support/metrics.ts';
import { MQTT_5, persistent } from '../support/versions.ts';

const NAMESPACE = 'broker_test';
startBrokersInHBase(NAMESPACE);

/** Sessions spread over lanes and regions. */
const SESSIONS = 40;
const HBASE = { queues: { store: 'hbase' }, durability: 'os' } as const;

describe('a broker with its queues in HBase', () => {
  it('keeps what is published to absent clients over a restart, in order, and nothing twice', async () => {
    const broker = await RunningBroker.forTest();
    const clientIds = Array.from({ length: SESSIONS }, (_, index) => `absent-${index}`);
    const connect = (clientId: string) => broker.connect(MQTT_5, { clientId, ...persistent(MQTT_5) });
    for (const clientId of clientIds) {
      const { client } = await connect(clientId);
      await subscribe(client, { topic: 'all', qos: 2 }, { topic: `only/${clientId}`, qos: 1 });
      await disconnect(client);
    }
    const { client: sender } = await broker.connect(MQTT_5, { clientId: 'sender' });
    for (const [index, payload] of ['one', 'two', 'three'].entries()) {
      const qos = index === 1 ? 2 : 1;
      expect(await publish(sender, { topic: 'all', qos, payload })).toBe(REASON.success);
    }
    expect(await publish(sender, { topic: 'only/absent-7', qos: 1, payload: 'yours' })).toBe(REASON.success);
    await broker.restart();
    for (const clientId of clientIds) {
      const { client, connack } = await connect(clientId);
      expect(connack.sessionPresent).toBe(true);
      const expected = clientId === 'absent-7' ? ['one', 'two', 'three', 'yours'] : ['one', 'two', 'three'];
      expect(payloads(await takeAll(client, expected.length))).toEqual(expected);
      await expectNothing(client);
      await disconnect(client);
    }
    await broker.restart();
    const { client } = await connect('absent-7');
    await expectNothing(client);
  });

  it('knows after a restart what was delivered with a later release, until its own', async () => {
    const broker = await RunningBroker.forTest();
    const connect = async () =>
      (await broker.connect(MQTT_5, { clientId: 'hasty', ...persistent(MQTT_5) })).client;
    const subscriber = () => broker.connect(MQTT_5, { clientId: 'reader', ...persistent(MQTT_5) });
    const { client: reader } = await subscriber();
    await subscribe(reader, { topic: 'hasty', qos: 2 });
    const messages = [1, 2, 3].map((messageId) =>
      publishPacket({ topic: 'hasty', qos: 2, messageId, payload: String(messageId) }),
    );
    const before = await connect();
    before.send(...messages);
    for (const { messageId } of messages) expect(await before.expect('pubrec')).toMatchObject({ messageId });
    before.send({ cmd: 'pubrel', messageId: 2 });
    expect(await before.expect('pubcomp')).toMatchObject({ messageId: 2 });
    expect(payloads(await takeAll(reader, 2))).toEqual(['1', '2']);
    await broker.restart();
    const after = await connect();
    const { client: again } = await subscriber();
    after.send(...messages.slice(0, 1).map((first) => ({ ...first, dup: true })));
    expect(await after.expect('pubrec')).toMatchObject({ messageId: 1 });
    for (const messageId of [3, 1]) {
      after.send({ cmd: 'pubrel', messageId });
      expect(await after.expect('pubcomp')).toMatchObject({ messageId, reasonCode: REASON.success });
    }
    expect(payloads(await takeAll(again, 1))).toEqual(['3']);
    await expectNothing(again);
    const { items } = (await (await broker.admin('/api/v1/queues')).json()) as {
      items: readonly { readonly kind: string }[];
    };
    expect(items.filter(({ kind }) => kind === 'held')).toEqual([]);
  });

  it('rejects what does not fit into a queue', async () => {
    const durableQueue = { messagesMax: 2, policy: 'reject' } as const;
    const broker = await RunningBroker.forTest({ limits: { durableQueue } });
    const { client } = await broker.connect(MQTT_5, { clientId: 'small', ...persistent(MQTT_5) });
    await subscribe(client, { topic: 'full', qos: 1 });
    await disconnect(client);
    const { client: sender } = await broker.connect(MQTT_5, { clientId: 'sender' });
    const reasons: number[] = [];
    for (const payload of ['a', 'b', 'c'])
      reasons.push(await publish(sender, { topic: 'full', qos: 1, payload }));
    expect(reasons).toEqual([REASON.success, REASON.success, REASON.quotaExceeded]);
  });

  it('takes what all queues of a tenant together may hold, and more when it has counted that there is room', async () => {
    const quota = 'tenant.queueMessagesMax';
    const broker = await RunningBroker.forTest({ quotas: { tenant: { queueMessagesMax: 3 } } });
    for (const clientId of ['crowd-1', 'crowd-2']) {
      const { client } = await broker.connect(MQTT_5, { clientId, ...persistent(MQTT_5) });
      await subscribe(client, { topic: clientId, qos: 1 });
      await disconnect(client);
    }
    const { client: sender } = await broker.connect(MQTT_5, { clientId: 'sender' });
    const put = (topic: string) => publish(sender, { topic, qos: 1 });
    for (const topic of ['crowd-1', 'crowd-2', 'crowd-2']) expect(await put(topic)).toBe(REASON.success);
    for (const topic of ['crowd-1', 'crowd-2']) expect(await put(topic)).toBe(REASON.quotaExceeded);
    expect(await metric(broker, 'spoke_quota_exceeded_total', { quota })).toBe(2);
    await broker.restart();
    const { client } = await broker.connect(MQTT_5, { clientId: 'crowd-2', ...persistent(MQTT_5) });
    const { client: again } = await broker.connect(MQTT_5, { clientId: 'sender' });
    expect(await publish(again, { topic: 'crowd-1', qos: 1 })).toBe(REASON.quotaExceeded);
    await takeAll(client, 2);
    // Nobody asks for metrics meanwhile: it counts by itself.
    await eventually(async () => {
      expect(await publish(again, { topic: 'crowd-1', qos: 1 })).toBe(REASON.success);
    });
    expect(await metric(broker, 'spoke_quota_used', { quota })).toBe(2);
  });

  it('shows the store and its client among its metrics', async () => {
    const broker = await RunningBroker.forTest();
    const metrics = await (await broker.admin('/metrics')).text();
    expect(metrics).toMatch(/^spoke_hbase_calls_total [1-9]/m);
    expect(metrics).toMatch(/^spoke_append_lanes_retrying 0$/m);
  });

  it('does not start on a table of another data directory', async () => {
    const broker = await RunningBroker.forTest();
    await broker.stop();
    const other = RunningBroker.start({
      ...HBASE,
      hbase: { zookeeperQuorum: inject('zookeeperQuorum'), namespace: NAMESPACE },
    });
    const second = await other;
    await expect(broker.startAgain()).rejects.toThrow('belongs to the data directory');
    await second.dispose();
  });

  it('does not start without the table, and says how it is made', async () => {
    const hbase = { zookeeperQuorum: inject('zookeeperQuorum'), namespace: 'nowhere' };
    await expect(RunningBroker.start({ ...HBASE, hbase })).rejects.toThrow(
      'HBase table nowhere:queues is unavailable: it does not exist; run "spoke storage apply"',
    );
  });
});
