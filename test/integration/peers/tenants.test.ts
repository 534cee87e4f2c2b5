/** Tenants of brokers on the same logs: what is done on one counts on all, and a deletion goes on when its broker dies. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { TenantChanges } from '../../../src/broker/tenant-changes.ts';
import { TenantRemoval } from '../../../src/broker/tenant-removal.ts';
import { encodeRetainedEvent } from '../../../src/event-log/retained-event-codec.ts';
import { REASON } from '../../../src/mqtt/reason-code.ts';
import type { TenantId } from '../../../src/tenancy/identity.ts';
import { MemoryCluster, type ClusterBroker } from '../../support/memory-cluster.ts';
import { RawClient } from '../../support/raw-client.ts';
import { messageTo } from '../../support/simulated-message.ts';
import { subscribe } from '../support/exchanges.ts';
import { MQTT_5, persistent } from '../support/versions.ts';

const ACME = 'acme' as TenantId;
const SETTINGS = { limits: {}, chain: undefined };

let cluster: MemoryCluster;
beforeEach(() => {
  cluster = new MemoryCluster();
});
afterEach(() => cluster.close());

interface Part {
  readonly broker: ClusterBroker;
  readonly changes: TenantChanges;
  readonly removal: TenantRemoval;
}

/** A broker that changes tenants, and removes them as soon as `removal` is started. */
async function start(name: string, removeUsers = () => Promise.resolve(0)): Promise<Part> {
  const broker = await cluster.start(name);
  const { directory, services } = broker.broker;
  const changes = new TenantChanges({ directory, log: cluster.tenantLog, clock: services.clock });
  const { sessionIds } = cluster;
  const removal = new TenantRemoval({ broker: broker.broker, changes, sessionIds, removeUsers });
  return { broker, changes, removal };
}

async function reader({ broker: { port } }: Part, clientId: string): Promise<RawClient> {
  const connect = { ...persistent(MQTT_5), clientId, username: 'acme/any' };
  const { client } = await RawClient.connect({ port, level: 5 }, connect);
  await subscribe(client, { topic: '#', qos: 1 });
  return client;
}

it('a tenant that is made on one broker is served by all, and suspended on all', async () => {
  const [one, two] = [await start('one'), await start('two')];
  await one.changes.create(ACME, SETTINGS);
  const clients = [await reader(one, 'a'), await reader(two, 'b')];
  await two.changes.suspend(ACME);
  for (const client of clients)
    expect((await client.expect('disconnect')).reasonCode).toBe(REASON.administrativeAction);
  await expect(one.changes.create(ACME, SETTINGS)).rejects.toMatchObject({ refusal: 'exists' });
});

it('a tenant is removed by one broker, whoever is asked and wherever its clients are', async () => {
  const parts = [await start('one'), await start('two')];
  for (const { removal } of parts) removal.start();
  for (const [at, part] of parts.entries()) {
    const tenant = `acme-${at}` as TenantId;
    await part.changes.create(tenant, SETTINGS);
    await part.changes.beginDeletion(tenant);
    for (const { broker } of parts)
      await expect.poll(() => broker.broker.directory.get(tenant)).toBeUndefined();
  }
  for (const { removal } of parts) await removal.stop();
});

it('a deletion whose broker dies between its steps is taken to its end by another', async () => {
  let reached: () => void = () => undefined;
  const stuck = new Promise<void>((resolve) => {
    reached = resolve;
  });
  const hang = (): Promise<number> => {
    reached();
    return new Promise(() => undefined);
  };
  const parts = [await start('one', hang), await start('two', hang), await start('three', hang)];
  await parts[0]!.changes.create(ACME, SETTINGS);
  const clients = await Promise.all(parts.map((part, at) => reader(part, `bike-${at}`)));
  for (const { removal } of parts) removal.start();
  await parts[0]!.changes.beginDeletion(ACME);
  await Promise.all([stuck, ...clients.map((client) => client.closed())]);
  const dead = parts.find(({ broker }) => broker.mesh.isResponsibleFor(ACME))!;
  const others = parts.filter((part) => part !== dead);
  await dead.broker.membership.leave();
  for (const { broker } of others)
    await expect.poll(() => broker.mesh.isDown(dead.broker.incarnation)).toBe(true);
  const next = others.find(({ broker }) => broker.mesh.isResponsibleFor(ACME))!;
  const { directory, services } = next.broker.broker;
  const again = new TenantRemoval({
    broker: next.broker.broker,
    changes: new TenantChanges({ directory, log: cluster.tenantLog, clock: services.clock }),
    sessionIds: cluster.sessionIds,
    removeUsers: () => Promise.resolve(2),
  });
  again.start();
  for (const { broker } of others) await expect.poll(() => broker.broker.directory.get(ACME)).toBeUndefined();
  expect(next.broker.broker.tenant(ACME)).toBeUndefined();
  await again.stop();
});

it('what comes up of a tenant while it is removed is removed too, before its record goes', async () => {
  let passes = 0;
  const lateMessage = async (): Promise<number> => {
    passes++;
    const message = messageTo('late', 'x', { retain: true });
    if (passes === 1)
      await cluster.retainedLog.append([encodeRetainedEvent({ tenant: ACME, topic: 'late', message }, 0)]);
    return 0;
  };
  const { broker, changes, removal } = await start('one', lateMessage);
  await changes.create(ACME, SETTINGS);
  await changes.beginDeletion(ACME);
  removal.start();
  await expect.poll(() => passes).toBe(1);
  removal.check();
  await expect.poll(() => broker.broker.directory.get(ACME)).toBeUndefined();
  expect(passes).toBe(2);
  expect(broker.broker.tenant(ACME)).toBeUndefined();
  await removal.stop();
});
