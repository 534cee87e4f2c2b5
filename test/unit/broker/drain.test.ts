/** A broker that gives its clients away: how fast, to where, and what becomes of those who come meanwhile. */
import { expect, test } from 'vitest';
import { Drain, type DrainOrder } from '../../../src/broker/drain.ts';
import { REASON } from '../../../src/mqtt/reason-code.ts';
import type { ClientProfile, ScriptedClient } from '../../simulation/scripted-client.ts';
import { SimulatedWorld } from '../../simulation/world.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import type { Received } from '../../support/simulated-link.ts';

const ELSEWHERE = { reasonCode: REASON.useAnotherServer, serverReference: 'b:1883' } as const;
const PROFILE: Omit<ClientProfile, 'clientId'> = {
  tenant: 'red',
  level: 5,
  persistent: true,
  receiveMaximum: 10,
  ackDelayMaxMs: 0,
  topics: [{ topic: 'a', qos: 1, retain: false }],
  filters: [{ filter: 'a', qos: 1 }],
  willTopic: undefined,
};

class Fleet {
  readonly world = new SimulatedWorld(seededRandom(1));
  readonly clients: ScriptedClient[] = [];
  readonly told: Received[] = [];
  emptied = 0;
  #drain: Drain | undefined;

  static async connected(clients: number): Promise<Fleet> {
    const fleet = new Fleet();
    void fleet.world.start();
    await fleet.world.time.advance(100);
    for (let index = 0; index < clients; index++) await fleet.join(`bike-${index}`);
    return fleet;
  }

  get drain(): Drain {
    const { broker, time } = this.world;
    if (broker === undefined) throw new Error('the broker has not started');
    return (this.#drain ??= new Drain(broker, time, time));
  }

  /** One more client tries; it does not come back by itself. */
  async join(clientId: string): Promise<ScriptedClient> {
    const client = this.world.add({ ...PROFILE, clientId });
    const receive = client.receive.bind(client);
    client.receive = (link, packet) => {
      if (packet.type === 'disconnect' || packet.type === 'connack') this.told.push(packet);
      receive(link, packet);
    };
    client.wanted = false;
    this.clients.push(client);
    client.connect();
    await this.world.time.advance(50);
    return client;
  }

  begin(changes: Partial<DrainOrder> = {}): void {
    this.drain.begin({
      ratePerS: 10,
      noticeMs: 0,
      redirection: () => ELSEWHERE,
      onEmpty: () => this.emptied++,
      ...changes,
    });
  }

  get open(): number {
    return this.clients.filter(({ connected }) => connected).length;
  }
}

test('clients leave at the rate that was asked for, told where to, and somebody hears of the last', async () => {
  const fleet = await Fleet.connected(30);
  fleet.begin();
  await fleet.world.time.advance(1_050);
  expect(fleet.open).toBe(20);
  expect(fleet.drain.progress).toMatchObject({ phase: 'moving', moved: 10, connected: 20, ratePerS: 10 });
  expect(fleet.told.at(-1)).toMatchObject({ type: 'disconnect', ...ELSEWHERE });
  expect(fleet.emptied).toBe(0);
  await fleet.world.time.advance(2_100);
  expect(fleet.open).toBe(0);
  expect(fleet.drain.progress).toMatchObject({ phase: 'empty', moved: 30, connected: 0 });
  await fleet.world.time.advance(1_000);
  expect(fleet.emptied).toBe(1);
});

test('a rate below one client per tick is kept as well', async () => {
  const fleet = await Fleet.connected(5);
  fleet.begin({ ratePerS: 1 });
  await fleet.world.time.advance(3_050);
  expect(fleet.open).toBe(2);
});

test('nobody is taken in any more; until the notice is over everybody is', async () => {
  const fleet = await Fleet.connected(1);
  fleet.begin({ noticeMs: 1_000, ratePerS: 1 });
  await fleet.join('in-time');
  expect(fleet.drain.progress).toMatchObject({ phase: 'notice', moved: 0, connected: 2 });
  await fleet.world.time.advance(1_000);
  const late = await fleet.join('late');
  expect(late.connected).toBe(false);
  expect(fleet.told.at(-1)).toMatchObject({
    type: 'connack',
    reasonCode: REASON.useAnotherServer,
    properties: { serverReference: 'b:1883' },
  });
});

test('a drain that is called off leaves everybody alone, and takes clients in again', async () => {
  const fleet = await Fleet.connected(3);
  fleet.begin({ ratePerS: 1 });
  await fleet.world.time.advance(1_050);
  fleet.drain.stop();
  await fleet.world.time.advance(5_000);
  expect(fleet.open).toBe(2);
  expect(fleet.drain.progress).toBeUndefined();
  expect((await fleet.join('welcome')).connected).toBe(true);
});

test('what it asks for may change on its way', async () => {
  const fleet = await Fleet.connected(20);
  fleet.begin({ ratePerS: 1 });
  await fleet.world.time.advance(1_050);
  fleet.begin({ ratePerS: 100, noticeMs: 60_000 });
  await fleet.world.time.advance(400);
  expect(fleet.open).toBe(0);
});

test('what was read of a client is answered before it is told to leave', async () => {
  const fleet = await Fleet.connected(1);
  const [client] = fleet.clients as [ScriptedClient];
  // Nothing becomes durable.
  fleet.world.weather.failureRate = 1;
  for (let message = 0; message < 5; message++) client.publish();
  await fleet.world.time.advance(20);
  const unanswered: number[] = [];
  const closed = client.closed.bind(client);
  client.closed = (link) => {
    unanswered.push(client.exchanges.size);
    closed(link);
  };
  fleet.begin({ ratePerS: 1_000 });
  await fleet.world.time.advance(300);
  expect([client.connected, client.exchanges.size, unanswered]).toEqual([true, 5, []]);
  fleet.world.weather.failureRate = 0;
  await fleet.world.time.advance(5_000);
  expect(unanswered).toEqual([0]);
});

test('a client that stays is read again', async () => {
  const fleet = await Fleet.connected(1);
  const [client] = fleet.clients as [ScriptedClient];
  fleet.world.weather.failureRate = 1;
  client.publish();
  await fleet.world.time.advance(20);
  fleet.begin({ ratePerS: 1_000 });
  await fleet.world.time.advance(200);
  client.publish();
  fleet.drain.stop();
  fleet.world.weather.failureRate = 0;
  await fleet.world.time.advance(5_000);
  expect(client.connected).toBe(true);
  expect(client.exchanges.size).toBe(0);
});
