/**
 * The broker against everything at once: clients that lose their connections, take their sessions over and are
 * slow, a process that is killed, stores that fail. Nothing acknowledged may be lost, nothing with QoS 2 may come
 * twice, no acknowledgement may be early. `SPOKE_SIM_SEEDS=n` runs n seeds, `SPOKE_SIM_SEED=s` runs that one.
 */
import { describe, expect, test } from 'vitest';
import { NO_LIMITS, type TenantLimits } from '../../src/quota/tenant-limits.ts';
import { seededRandom } from '../support/seeded-random.ts';
import type { QoS } from '../../src/mqtt/qos.ts';
import { SimulatedWorld, stateOf, TENANTS } from './world.ts';
import type { ClientProfile } from './scripted-client.ts';

const SEEDS =
  process.env['SPOKE_SIM_SEED']?.split(',').map(Number) ??
  Array.from({ length: Number(process.env['SPOKE_SIM_SEEDS'] ?? 6) }, (_, index) => index + 1);

const TROUBLE_MS = 30_000;
const STEP_MS = 20;
/** Long enough for every client to come back and drain. */
const CALM_MS = 30_000;

/** Per step and client. */
const CHANCE = { publish: 0.25, cut: 0.004, takeOver: 0.003, disconnect: 0.002, unsubscribe: 0.002 };
/** Per step. */
const WORLD_CHANCE = { crash: 0.003, compact: 0.01, outage: 0.002 };
const OUTAGE_MAX_MS = 4_000;

function profilesOf(tenant: string, random: () => number): ClientProfile[] {
  const base = {
    tenant,
    receiveMaximum: 65_535,
    ackDelayMaxMs: 3,
    topics: [],
    filters: [],
    willTopic: undefined,
  };
  const everyQoS = (name: string, qos: QoS = 2) => ({ filter: `out/${name}/#`, qos });
  const publisher = (index: number): ClientProfile => ({
    ...base,
    clientId: `publisher-${index}`,
    level: index % 2 === 0 ? 5 : 4,
    persistent: index !== 3,
    topics: ([0, 1, 2] as const).map((qos) => ({
      topic: `out/${index}/q${qos}`,
      qos,
      retain: random() < 0.3,
    })),
    willTopic: index < 2 ? `out/${index}/will` : undefined,
    hasty: index === 2,
  });
  const member = (index: number): ClientProfile => ({
    ...base,
    clientId: `member-${index}`,
    level: 5,
    persistent: true,
    receiveMaximum: 3,
    filters: [{ filter: 'out/+/q2', group: 'workers', qos: 2 }],
  });
  return [
    ...[0, 1, 2, 3].map(publisher),
    ...[0, 1].map(member),
    { ...base, clientId: 'watcher', level: 5, persistent: true, filters: [{ filter: 'out/#', qos: 2 }] },
    {
      ...base,
      clientId: 'slow',
      level: 5,
      persistent: true,
      receiveMaximum: 2,
      ackDelayMaxMs: 120,
      filters: [everyQoS('0')],
    },
    {
      ...base,
      clientId: 'old',
      level: 4,
      persistent: true,
      filters: [everyQoS('1', 1), { filter: 'out/+/q1', qos: 1 }],
    },
    { ...base, clientId: 'fickle', level: 5, persistent: true, filters: [everyQoS('2'), everyQoS('3')] },
    { ...base, clientId: 'passer-by', level: 5, persistent: false, filters: [{ filter: 'out/#', qos: 1 }] },
  ];
}

/** Below what clients want, so that they are held back again and again. */
const TIGHT: TenantLimits = {
  tenant: { publishRateMax: 40, bytesInRateMax: 2_000 },
  client: { publishRateMax: 10, bytesOutRateMax: 1_500 },
};

/** Every now and then the quotas are others. */
async function squeeze(world: SimulatedWorld): Promise<void> {
  const until = world.time.nowMs() + TROUBLE_MS;
  while (world.time.nowMs() < until) {
    world.changeQuotas(world.random() < 0.8 ? TIGHT : NO_LIMITS);
    await world.time.sleep(world.random() * 4_000);
  }
  world.changeQuotas(NO_LIMITS);
}

async function trouble(world: SimulatedWorld): Promise<void> {
  const { random, time } = world;
  const until = time.nowMs() + TROUBLE_MS;
  let outageUntilMs = 0;
  while (time.nowMs() < until) {
    await time.advance(STEP_MS);
    for (const client of world.clients) {
      if (random() < CHANCE.publish) client.publish();
      if (random() < CHANCE.cut) client.link?.cut();
      if (random() < CHANCE.takeOver) client.connect();
      if (random() < CHANCE.disconnect) client.disconnect();
      if (client.profile.clientId !== 'fickle') continue;
      if (random() < CHANCE.unsubscribe) client.unsubscribe('out/2/#');
      else if (client.connected && random() < 0.05) client.subscribeAll();
    }
    const mustCrash = world.crashes === 0 && time.nowMs() > until - TROUBLE_MS / 2;
    if (world.broker !== undefined && (mustCrash || random() < WORLD_CHANCE.crash)) {
      world.crash();
      time.after(random() * 500, () => void world.start());
    }
    if (world.broker !== undefined && random() < WORLD_CHANCE.compact) void world.compact();
    if (random() < WORLD_CHANCE.outage) outageUntilMs = time.nowMs() + random() * OUTAGE_MAX_MS;
    if (world.broker !== undefined) world.weather.failureRate = time.nowMs() < outageUntilMs ? 1 : 0.02;
  }
}

async function simulate(seed: number, more?: (world: SimulatedWorld) => unknown): Promise<SimulatedWorld> {
  const random = seededRandom(seed);
  const world = new SimulatedWorld(random);
  for (const tenant of TENANTS) for (const profile of profilesOf(tenant, random)) world.add(profile);
  void world.start();
  await world.time.advance(100);
  for (const client of world.clients) client.connect();
  await world.time.advance(500);
  more?.(world);
  await trouble(world);
  world.weather.failureRate = 0;
  await world.time.advance(CALM_MS);
  return world;
}

/** Everybody leaves: nobody owns anything, transient sessions are gone, the broker knows what the log says. */
async function checkWhatIsLeft(world: SimulatedWorld): Promise<void> {
  for (const client of world.clients) {
    client.wanted = false;
    client.link?.cut();
  }
  await world.time.advance(5_000);
  for (const tenant of TENANTS) {
    const live = world.broker?.tenant(tenant)?.registry;
    const logged = world.witness.registries.get(tenant);
    if (live === undefined || logged === undefined) throw new Error(`tenant ${tenant} is not there`);
    expect(stateOf(live)).toEqual(stateOf(logged));
    const persistent = world.clients.filter(({ profile }) => profile.tenant === tenant && profile.persistent);
    expect(live.size).toBe(persistent.length);
    for (const { session } of live.entries()) expect(session?.value.owner).toBeUndefined();
  }
}

describe('a broker under a seed', () => {
  test.each(SEEDS)('seed %i: every promise is kept', { timeout: 60_000 }, async (seed) => {
    const world = await simulate(seed);
    expect(world.ledger.audit(), `SPOKE_SIM_SEED=${seed}`).toEqual([]);
    expect(
      world.clients.filter(({ connected }) => !connected).map(({ profile }) => profile.clientId),
    ).toEqual([]);
    expect(world.clients.flatMap(({ exchanges }) => [...exchanges.values()])).toEqual([]);
    expect(world.ledger.acknowledged).toBeGreaterThan(200);
    expect(world.crashes).toBeGreaterThan(0);
    await checkWhatIsLeft(world);
  });

  test(
    'that holds clients back by quotas, which change, keeps every promise',
    { timeout: 60_000 },
    async () => {
      const seed = SEEDS[0] ?? 1;
      let held = 0;
      const world = await simulate(seed, (squeezed) => {
        void squeeze(squeezed);
        const look = (): void => {
          for (const { quota } of squeezed.broker?.tenants() ?? [])
            held += quota.readingHeld + quota.deliveryHeld;
          squeezed.time.after(STEP_MS, look);
        };
        look();
      });
      expect(world.ledger.audit(), `SPOKE_SIM_SEED=${seed}`).toEqual([]);
      expect(world.clients.flatMap(({ exchanges }) => [...exchanges.values()])).toEqual([]);
      expect(world.ledger.acknowledged).toBeGreaterThan(200);
      expect(held).toBeGreaterThan(100);
      await checkWhatIsLeft(world);
    },
  );
});
