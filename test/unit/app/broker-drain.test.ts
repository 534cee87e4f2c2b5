/** What an operator asks of a drain: what is said to whom in which order, and when it is refused. */
import { beforeEach, expect, test } from 'vitest';
import { MembershipHub } from '../../../src/adapters/memory/memory-membership.ts';
import type { DrainRequest } from '../../../src/admin/admin-port.ts';
import { BrokerDrain, type BrokerDrainOptions } from '../../../src/app/broker-drain.ts';
import { createLogger } from '../../../src/app/logging.ts';
import { Broker } from '../../../src/broker/broker.ts';
import { Drain } from '../../../src/broker/drain.ts';
import type { Membership } from '../../../src/cluster/membership.ts';
import { REASON } from '../../../src/mqtt/reason-code.ts';
import { incarnation } from '../../../src/tenancy/identity.ts';
import { simulatedOptions } from '../../support/simulated-services.ts';
import { SimulatedTime } from '../../support/simulated-time.ts';

const REQUEST: DrainRequest = { ratePerS: 100, noticeMs: 0, moved: false, shutdown: false, force: false };
const logger = createLogger(
  { level: 'silent', format: 'json' },
  { write: () => undefined, isTerminal: false },
);

let time: SimulatedTime;
let hub: MembershipHub;
let stopped: string[];

beforeEach(() => {
  time = new SimulatedTime();
  hub = new MembershipHub({ clock: time, timers: time, sessionTimeoutMs: 1_000 });
  stopped = [];
});

/** Joining needs the end of a turn. */
async function join(brokerId: string, serverReference?: string): Promise<Membership> {
  const joining = hub.join({
    brokerId,
    incarnation: incarnation(brokerId, 1),
    peerAddress: { host: '127.0.0.1', port: 7883 },
    serverReference,
    protocol: { min: 1, max: 1 },
  });
  await time.settle();
  return await joining;
}

function drainOf(membership?: BrokerDrainOptions['membership']): { drain: BrokerDrain; broker: Broker } {
  const broker = new Broker(simulatedOptions({ time }));
  const drain = new BrokerDrain({
    drain: new Drain(broker, time, time),
    membership,
    logger,
    stopProcess: (reason) => stopped.push(reason),
  });
  return { drain, broker };
}

test('first it is not ready, then the others are told, then it moves clients', async () => {
  const own = await join('one', 'one:1883');
  const other = await join('two', 'two:1883');
  const order: unknown[] = [];
  const { drain, broker } = drainOf({
    self: own.self,
    members: () => own.members(),
    drain: async (isDraining) => {
      order.push([drain.reasons, broker.redirection]);
      await own.drain(isDraining);
    },
  });
  expect(drain.reasons).toEqual([]);
  const begun = drain.begin(REQUEST);
  await time.settle();
  expect((await begun).phase).toBe('empty');
  expect(order).toEqual([[['draining, 0 clients left'], undefined]]);
  expect(broker.redirection?.reasonCode).toBe(REASON.useAnotherServer);
  const told = (): boolean | undefined =>
    other.members().find(({ brokerId }) => brokerId === 'one')?.draining;
  expect(told()).toBe(true);
  const cancelled = drain.cancel();
  await time.settle();
  expect(await cancelled).toEqual({ phase: 'serving', connected: 0 });
  expect([broker.redirection, drain.reasons, told()]).toEqual([undefined, [], false]);
});

test('clients are told to go to one of the others in turn, never to one that drains itself', async () => {
  const own = await join('one', 'one:1883');
  await join('two', 'two:1883');
  await join('three');
  await join('four', 'four:1883');
  const leaving = await join('five', 'five:1883');
  void leaving.drain(true);
  await time.settle();
  const { drain, broker } = drainOf(own);
  const begun = drain.begin({ ...REQUEST, moved: true });
  await time.settle();
  await begun;
  const references = new Set<string | undefined>();
  for (let tick = 0; tick < 10; tick++) {
    references.add(broker.redirection?.serverReference);
    await time.advance(100);
  }
  expect(references).toEqual(new Set(['two:1883', 'four:1883']));
  expect(broker.redirection?.reasonCode).toBe(REASON.serverMoved);
});

test('the last broker that takes clients does not drain, unless it is told where they go, or forced', async () => {
  const own = await join('one');
  const other = await join('two');
  void other.drain(true);
  await time.settle();
  const { drain, broker } = drainOf(own);
  await expect(drain.begin(REQUEST)).rejects.toMatchObject({ code: 'LAST_BROKER' });
  expect(drain.reasons).toEqual([]);
  const elsewhere = drain.begin({ ...REQUEST, serverReference: 'other:1883' });
  await time.settle();
  await elsewhere;
  expect(broker.redirection?.serverReference).toBe('other:1883');
  void drain.cancel();
  await time.settle();
  const forced = drain.begin({ ...REQUEST, force: true });
  await time.settle();
  expect((await forced).phase).toBe('empty');
});

test('others that cannot be told keep nobody from draining', async () => {
  const own = await join('one');
  await join('two');
  const { drain } = drainOf({
    self: own.self,
    members: () => own.members(),
    drain: () => Promise.reject(new Error('ZooKeeper is away')),
  });
  expect((await drain.begin(REQUEST)).phase).toBe('empty');
});

test('called off before the others have heard of it, it moves nobody', async () => {
  const own = await join('one');
  await join('two');
  let tell: () => void = () => undefined;
  const { drain, broker } = drainOf({
    self: own.self,
    members: () => own.members(),
    drain: (isDraining) =>
      isDraining ? new Promise<void>((resolve) => (tell = resolve)) : Promise.resolve(),
  });
  const begun = drain.begin(REQUEST);
  await drain.cancel();
  tell();
  expect((await begun).phase).toBe('serving');
  await time.advance(1_000);
  expect(broker.redirection).toBeUndefined();
});

test('the process stops when nobody is connected any more, if that was asked for', async () => {
  const { drain } = drainOf();
  await drain.begin(REQUEST);
  await time.advance(200);
  expect(stopped).toEqual([]);
  await drain.cancel();
  await drain.begin({ ...REQUEST, shutdown: true });
  await time.advance(200);
  expect(stopped).toEqual(['drained']);
});

test('its gauges show it, and how many clients it has moved in all', async () => {
  const { drain } = drainOf();
  const values = () => drain.gauges.map((gauge) => [gauge.name, gauge.read()]);
  expect(values()).toEqual([
    ['spoke_draining', 0],
    ['spoke_clients_moved_total', 0],
  ]);
  await drain.begin(REQUEST);
  expect(values()[0]).toEqual(['spoke_draining', 1]);
});
