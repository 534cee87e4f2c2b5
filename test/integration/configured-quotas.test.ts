/** Quotas as they are configured: every tenant has them, down to the store of queues, and metrics and the admin API tell them. */
import { expect, test } from 'vitest';
import { REASON } from '../../src/mqtt/reason-code.ts';
import { RunningBroker } from '../support/running-broker.ts';
import { publish, subscribe } from './support/exchanges.ts';
import { metric } from './support/metrics.ts';
import { MQTT_5, persistent } from './support/versions.ts';

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
