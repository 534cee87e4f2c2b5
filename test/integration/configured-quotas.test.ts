/** Quotas as they are configured: every tenant has them, down to the store of queues, and metrics and the admin API tell them. */
import { expect, test } from 'vitest';
import { REASON } from '../../src/mqtt/reason-code.ts';
import { RunningBroker } from '../support/running-broker.ts';
import { eventually } from '../support/eventually.ts';
import { disconnect, publish, subscribe, takeAll } from './support/exchanges.ts';
import { metric } from './support/metrics.ts';
import { MQTT_5, persistent } from './support/versions.ts';

test('the queues of a tenant together take what they may, over a restart, and a tenant may be given more', async () => {
  const tenant = 'default';
  const quota = 'tenant.queueMessagesMax';
  const broker = await RunningBroker.forTest({ quotas: { tenant: { queueMessagesMax: 3 } } });
  const connect = async (clientId: string) =>
    (await broker.connect(MQTT_5, { ...persistent(MQTT_5), clientId })).client;
  for (const clientId of ['one', 'two']) {
    const client = await connect(clientId);
    await subscribe(client, { topic: clientId, qos: 1 });
    await disconnect(client);
  }
  let publisher = await connect('publisher');
  const put = (topic: string) => publish(publisher, { topic, qos: 1 });
  expect([await put('one'), await put('two'), await put('two'), await put('one')]).toEqual([
    ...[0, 0, 0],
    REASON.quotaExceeded,
  ]);
  await broker.restart();
  publisher = await connect('publisher');
  expect(await put('one')).toBe(REASON.quotaExceeded);
  expect(await metric(broker, 'spoke_quota_exceeded_total', { tenant, quota })).toBe(1);
  expect(await metric(broker, 'spoke_quota_used', { tenant, quota })).toBe(3);
  expect(await metric(broker, 'spoke_quota_limit', { tenant, quota })).toBe(3);

  const { client: two } = await broker.connect(MQTT_5, { ...persistent(MQTT_5), clientId: 'two' });
  await takeAll(two, 2);
  await eventually(async () => {
    expect(await metric(broker, 'spoke_quota_used', { tenant, quota })).toBe(1);
  });
  expect([await put('one'), await put('one'), await put('one')]).toEqual([0, 0, REASON.quotaExceeded]);
  const changed = await broker.admin('/api/v1/tenant?tenant=default', {
    method: 'PATCH',
    body: JSON.stringify({ limits: { [quota]: 4 } }),
  });
  expect(changed.status).toBe(200);
  expect(await changed.json()).toMatchObject({ limits: { [quota]: 4 } });
  expect([await put('one'), await put('one')]).toEqual([0, REASON.quotaExceeded]);
});

test('a queue takes what the quota of its client lets it take', async () => {
  const broker = await RunningBroker.forTest({ quotas: { client: { queueMessagesMax: 1 } } });
  const { client: absent } = await broker.connect(MQTT_5, { ...persistent(MQTT_5), clientId: 'absent' });
  await subscribe(absent, { topic: 'kept', qos: 1 });
  absent.send({ cmd: 'disconnect' });
  await absent.closed();
  const { client: publisher } = await broker.connect(MQTT_5, { clientId: 'publisher' });
  expect(await publish(publisher, { topic: 'kept', qos: 1 })).toBe(0);
  expect(await publish(publisher, { topic: 'kept', qos: 1 })).toBe(REASON.quotaExceeded);

  const tenant = 'default';
  expect(await metric(broker, 'spoke_quota_exceeded_total', { tenant, quota: 'client.queue' })).toBe(1);
  expect(await metric(broker, 'spoke_quota_limit', { tenant, quota: 'client.queueMessagesMax' })).toBe(1);
  const shown: unknown = await (await broker.admin('/api/v1/queue?tenant=default&client=absent')).json();
  expect(shown).toMatchObject({ quota: { messagesMax: 1 } });
});
