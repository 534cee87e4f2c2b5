/** Sessions and connections of a tenant are counted over all brokers: what is on the log counts, in the order it is there. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { TenantLimits } from '../../../src/quota/tenant-limits.ts';
import type { ClientId } from '../../../src/tenancy/identity.ts';
import { PeerBroker, SharedStores } from '../../support/peer-broker.ts';
import { SimulatedTime } from '../../support/simulated-time.ts';

const [BIKE, CAR, TRAM] = ['bike', 'car', 'tram'] as [ClientId, ClientId, ClientId];

let stores: SharedStores;

beforeEach(() => {
  stores = new SharedStores(new SimulatedTime());
});

async function broker(id: string, quotas: TenantLimits): Promise<PeerBroker> {
  const started = new PeerBroker(stores, id, 1, undefined, quotas);
  await started.start();
  return started;
}

describe('connections of a tenant', () => {
  const quotas = { tenant: { connectionsMax: 2 } };

  test('to other brokers count too, and leave room when they end', async () => {
    const [here, there] = [await broker('here', quotas), await broker('there', quotas)];
    const owner = there.nextOwner();
    await there.connect({ clientId: BIKE, owner });
    await here.connect({ clientId: CAR });
    for (const one of [here, there]) {
      await expect(one.connect({ clientId: TRAM })).rejects.toThrow('as many connections');
      expect(one.session(TRAM)).toBeUndefined();
    }
    await there.close(owner, BIKE);
    await here.connect({ clientId: TRAM });
    expect(there.broker.counters.clusterConnections).toBe(2);
  });

  test('that only take over their own session are let in', async () => {
    const [here, there] = [await broker('here', quotas), await broker('there', quotas)];
    for (const clientId of [BIKE, CAR]) await there.connect({ clientId });
    await here.connect({ clientId: BIKE });
    expect(there.session(BIKE)?.owner?.incarnation).toBe(here.broker.services.incarnation);
    expect(here.broker.counters.clusterConnections).toBe(2);
  });

  test('that are being opened count', async () => {
    const here = await broker('here', quotas);
    const outcomes = await Promise.allSettled(
      [BIKE, CAR, TRAM].map((clientId) => here.connect({ clientId })),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    expect(here.broker.counters.quotasExceeded.get('tenant.connectionsMax')).toBe(1);
  });

  test('of two brokers that let clients in at once the one whose record comes later is refused', async () => {
    const [here, there] = [await broker('here', quotas), await broker('there', quotas)];
    await here.connect({ clientId: BIKE });
    there.shut();
    const late = there.connect({ clientId: TRAM });
    const refused = expect(late).rejects.toThrow('as many connections');
    await here.connect({ clientId: CAR });
    await there.open();
    await refused;
    expect(there.broker.counters.quotasExceeded.get('tenant.connectionsMax')).toBe(1);
  });
});

describe('sessions of a tenant', () => {
  const quotas = { tenant: { sessionsMax: 1 } };

  test('on record leave no room for another, and still resume', async () => {
    const [here, there] = [await broker('here', quotas), await broker('there', quotas)];
    const owner = there.nextOwner();
    await there.connect({ clientId: BIKE, owner });
    await there.close(owner, BIKE);
    await expect(here.connect({ clientId: CAR })).rejects.toThrow('as many sessions');
    expect(await here.connect({ clientId: BIKE })).toMatchObject({ sessionPresent: true });
  });

  test('of two that begin at once at two brokers the later one is not there afterwards', async () => {
    const [here, there] = [await broker('here', quotas), await broker('there', quotas)];
    there.shut();
    const late = there.connect({ clientId: CAR });
    const refused = expect(late).rejects.toThrow('as many sessions');
    await here.connect({ clientId: BIKE });
    await there.open();
    await refused;
    for (const one of [here, there]) {
      expect(one.session(BIKE)).toBeDefined();
      expect(one.session(CAR)).toBeUndefined();
    }
  });
});
