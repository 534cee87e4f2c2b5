/** That a connection ended must be on record sooner or later, or its session would never expire. */
import { expect, test } from 'vitest';
import { SimulatedWorld } from '../../simulation/world.ts';
import type { ClientProfile } from '../../simulation/scripted-client.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const PROFILE: Omit<ClientProfile, 'clientId'> = {
  tenant: 'red',
  level: 5,
  persistent: true,
  receiveMaximum: 10,
  ackDelayMaxMs: 0,
  topics: [],
  filters: [{ filter: 'a', qos: 1 }],
  willTopic: undefined,
};

async function startWith(clients: number): Promise<SimulatedWorld> {
  const world = new SimulatedWorld(seededRandom(1));
  void world.start();
  await world.time.advance(100);
  for (let index = 0; index < clients; index++) world.add({ ...PROFILE, clientId: `bike-${index}` });
  return world;
}

test('a connection that ends while the log is away is closed on record once it is back', async () => {
  const world = await startWith(5);
  for (const client of world.clients) client.connect();
  await world.time.advance(500);
  world.weather.failureRate = 1;
  for (const client of world.clients) {
    client.wanted = false;
    client.link?.cut();
  }
  await world.time.advance(50);
  expect(world.clients.some((client) => world.witness.session(client)?.owner !== undefined)).toBe(true);
  world.weather.failureRate = 0;
  await world.time.advance(5_000);
  for (const client of world.clients) {
    expect(world.witness.session(client)).toMatchObject({ owner: undefined, closeReason: 'connectionLost' });
  }
});

test('a CONNECT that was refused because its record got no answer owns nothing', async () => {
  const world = await startWith(20);
  world.weather.failureRate = 1;
  for (const client of world.clients) {
    client.wanted = false;
    client.connect();
  }
  await world.time.advance(1_000);
  const owned = world.clients.filter((client) => world.witness.session(client)?.owner !== undefined);
  expect(owned.length, 'half of the failed writes were applied').toBeGreaterThan(0);
  expect(world.clients.every(({ connected }) => !connected)).toBe(true);
  world.weather.failureRate = 0;
  await world.time.advance(5_000);
  for (const client of world.clients) expect(world.witness.session(client)?.owner).toBeUndefined();
});
