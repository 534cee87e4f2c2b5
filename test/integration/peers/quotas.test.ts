/** Connections of a tenant are counted over all brokers: what one has let in leaves no room at another. */
import { afterEach, expect, test } from 'vitest';
import { REASON } from '../../../src/mqtt/reason-code.ts';
import { MemoryCluster, type ClusterBroker } from '../../support/memory-cluster.ts';
import { RawClient } from '../../support/raw-client.ts';

let cluster: MemoryCluster;

afterEach(() => cluster.close());

async function connect(broker: ClusterBroker, clientId: string) {
  return await RawClient.connect({ transport: 'tcp', port: broker.port, level: 5 }, { clientId });
}

test('a tenant has as many connections as it may have, wherever they are', async () => {
  cluster = new MemoryCluster();
  const quotas = { tenant: { connectionsMax: 2 } };
  const [here, there] = [await cluster.start('here', { quotas }), await cluster.start('there', { quotas })];
  const first = await connect(here, 'first');
  const second = await connect(there, 'second');
  for (const { connack } of [first, second]) expect(connack.reasonCode).toBe(0);
  for (const broker of [here, there])
    expect((await connect(broker, 'third')).connack.reasonCode).toBe(REASON.quotaExceeded);
  expect((await connect(there, 'first')).connack.reasonCode).toBe(0);
  await first.client.closed();
  second.client.send({ cmd: 'disconnect' });
  await second.client.closed();
  const [tenant] = here.broker.tenants();
  while (tenant?.counters.clusterConnections === 2) await new Promise((resolve) => setImmediate(resolve));
  expect((await connect(here, 'third')).connack.reasonCode).toBe(0);
});
