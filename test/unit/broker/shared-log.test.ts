/** Two brokers write to one log, and each decides on what it knows: whatever comes in between, no promise to a client is broken. */
import { beforeEach, describe, expect, test } from 'vitest';
import { encodeRetainedEvent } from '../../../src/event-log/retained-event-codec.ts';
import { NO_PROPERTIES, type Message } from '../../../src/queue/message.ts';
import { DEFAULT_TENANT } from '../../../src/tenancy/identity.ts';
import { PeerBroker, SharedStores } from '../../support/peer-broker.ts';
import { CLIENT, will } from '../../support/simulated-session.ts';
import { SimulatedTime } from '../../support/simulated-time.ts';

const EXPIRY_S = 10;
/** What a broker leaves another one before it settles what is due of that one's sessions. */
const GRACE_MS = 5_000;

let time: SimulatedTime;
let stores: SharedStores;
let here: PeerBroker;
let there: PeerBroker;

beforeEach(async () => {
  time = new SimulatedTime();
  stores = new SharedStores(time);
  here = new PeerBroker(stores, 'here');
  there = new PeerBroker(stores, 'there');
  await here.start();
  await there.start();
});

/** A persistent session that subscribed here and is away. */
async function absentSession(): Promise<void> {
  const owner = here.nextOwner();
  await here.connect({ owner, sessionExpiryS: EXPIRY_S });
  await here.subscribe('a');
  await here.close(owner);
}

describe('a session that one broker ends while the other gives it back to its client', () => {
  test('goes on with its subscriptions when the client was first', async () => {
    await absentSession();
    here.shut();
    const ended = here.broker.lifecycle.end(CLIENT, 'administrative');
    await time.settle();
    const { sessionId, sessionPresent } = await there.connect({ sessionExpiryS: EXPIRY_S });
    expect(sessionPresent).toBe(true);
    await here.open();
    expect(await ended).toBe(false);
    for (const peer of [here, there]) {
      expect(peer.session()).toMatchObject({ sessionId, owner: { incarnation: 'there#1' } });
      expect(peer.filters()).toEqual(['a']);
    }
  });

  test('goes on as well when the client has left again, and compaction does not lose it', async () => {
    await absentSession();
    here.shut();
    const ended = here.broker.lifecycle.end(CLIENT, 'administrative');
    await time.settle();
    const owner = there.nextOwner();
    await time.advance(10);
    const { sessionId } = await there.connect({ owner, sessionExpiryS: EXPIRY_S });
    await there.close(owner);
    await here.open();
    expect(await ended).toBe(false);
    await time.settle();
    stores.log.compact();
    const late = new PeerBroker(stores, 'late');
    await late.start();
    for (const peer of [here, there, late]) {
      expect(peer.session()).toMatchObject({ sessionId, owner: undefined });
      expect(peer.filters()).toEqual(['a']);
    }
  });

  test('is a new one for the client when the end was first, and CONNACK says so', async () => {
    await absentSession();
    const before = here.session()?.sessionId;
    there.shut();
    const connecting = there.connect({ sessionExpiryS: EXPIRY_S });
    await time.settle();
    expect(await here.broker.lifecycle.end(CLIENT, 'administrative')).toBe(true);
    await there.open();
    const { sessionId, sessionPresent } = await connecting;
    expect(sessionPresent).toBe(false);
    expect(sessionId).not.toBe(before);
    await time.settle();
    for (const peer of [here, there]) {
      expect(peer.session()?.sessionId).toBe(sessionId);
      expect(peer.filters()).toEqual([]);
    }
  });

  test('does not take the subscriptions of the next session along', async () => {
    await absentSession();
    // The end is on record, and before the tombstones of its subscriptions are the client has begun anew.
    const forgotten = await endedOnly(here);
    await there.connect({ sessionExpiryS: EXPIRY_S });
    await there.subscribe('a');
    await here.open();
    await forgotten();
    await time.settle();
    stores.log.compact();
    const late = new PeerBroker(stores, 'late');
    await late.start();
    for (const peer of [here, there, late]) expect(peer.filters()).toEqual(['a']);
  });
});

/** Ends the session, and shuts the gate when that is on record; what is returned resolves when the rest is too. */
async function endedOnly(peer: PeerBroker): Promise<() => Promise<boolean>> {
  const { log } = stores;
  const follower = await log.follow(await log.endOffsets(), () => {
    peer.shut();
  });
  const ended = peer.broker.lifecycle.end(CLIENT, 'administrative');
  await time.settle();
  await follower.stop();
  return () => ended;
}

describe('a take-over', () => {
  test('has one winner, the later record, and both brokers agree on it', async () => {
    for (let round = 0; round < 20; round++) {
      const [first, second] = round % 2 === 0 ? [here, there] : [there, here];
      first.shut();
      second.shut();
      const attempts = [first.connect(), second.connect()];
      await time.settle();
      await first.open();
      await second.open();
      await Promise.allSettled(attempts);
      const winner = second.broker.services.incarnation;
      for (const peer of [here, there]) expect(peer.session()?.owner?.incarnation).toBe(winner);
    }
  });

  test('by a client that wants its session does not bring back one that the other has discarded', async () => {
    await absentSession();
    there.shut();
    const resuming = there.connect();
    await time.settle();
    const { sessionId: discarding } = await here.connect({ cleanStart: true });
    await there.open();
    const { sessionId, sessionPresent } = await resuming;
    expect(sessionPresent).toBe(false);
    expect(sessionId).not.toBe(discarding);
    for (const peer of [here, there]) expect(peer.filters()).toEqual([]);
  });

  test('is not known to have been sent anything: all of it may come again', async () => {
    await here.connect();
    expect((await there.connect()).sentThrough).toBeUndefined();
  });

  test('is refused to a client that is elsewhere by the time it is on record', async () => {
    here.shut();
    const slow = here.connect();
    await time.settle();
    await here.open();
    await slow;
    here.shut();
    const owner = here.nextOwner();
    const closing = here.close({ ...owner, connection: owner.connection - 1 });
    await time.settle();
    await there.connect();
    await here.open();
    await closing;
    for (const peer of [here, there]) expect(peer.session()?.owner?.incarnation).toBe('there#1');
  });

  test('leaves alone who left again: a late close of the broker before changes nothing', async () => {
    const late = here.nextOwner();
    await here.connect({ owner: late });
    here.shut();
    const closing = here.close(late);
    await time.advance(10);
    const owner = there.nextOwner();
    const { sessionId } = await there.connect({ owner, cleanStart: true });
    await there.subscribe('b');
    await there.close(owner);
    await here.open();
    await closing;
    for (const peer of [here, there]) {
      expect(peer.session()).toMatchObject({ sessionId, closedOwner: owner });
      expect(peer.filters()).toEqual(['b']);
    }
  });
});

describe('what is due', () => {
  test('is settled by the broker that closed the session', async () => {
    await absentSession();
    await time.advance(EXPIRY_S * 1_000 + 2_000);
    expect(here.broker.counters.sessionsExpired).toBe(1);
    expect(there.session()).toBeUndefined();
    await time.advance(2 * GRACE_MS);
    expect(there.broker.counters.sessionsExpired).toBe(0);
  });

  test('is settled by another one when that broker is gone, its will once', async () => {
    const owner = here.nextOwner();
    await here.connect({ owner, sessionExpiryS: EXPIRY_S, will: will({ delayS: 2 }) });
    await here.close(owner);
    await here.broker.lifecycle.stop();
    await time.advance(EXPIRY_S * 1_000);
    expect(there.broker.counters.willsPublished).toBe(1);
    expect(there.session()).toMatchObject({ will: undefined });
    await time.advance(GRACE_MS + 2_000);
    expect(there.session()).toBeUndefined();
    expect(there.broker.counters).toMatchObject({ sessionsExpired: 1, willsPublished: 1 });
  });
});

describe('a broker that starts', () => {
  test('closes what its own earlier runs left open, and nothing of a broker that may live', async () => {
    const mine = new PeerBroker(stores, 'mine', 1);
    await mine.start();
    await mine.connect();
    await there.connect({ clientId: 'other' as typeof CLIENT });
    const again = new PeerBroker(stores, 'mine', 2);
    await again.start();
    expect(await again.broker.orphans.closeAll()).toBe(1);
    expect(again.session()).toMatchObject({ owner: undefined, closeReason: 'brokerDown' });
    expect(again.session('other' as typeof CLIENT)?.owner?.incarnation).toBe('there#1');
  });

  test('forgets subscriptions whose session ended in the last moment of another one', async () => {
    await absentSession();
    await endedOnly(here);
    expect(there.session()).toBeUndefined();
    expect(there.broker.registry.subscriptionCount(CLIENT)).toBe(1);
    await there.broker.orphans.closeAll();
    expect(there.broker.registry.subscriptionCount(CLIENT)).toBe(0);
  });
});

test('a retained message that expired is forgotten here and not cleared for others, who may have put a new one', async () => {
  const message: Message = {
    topic: 'a',
    payload: Buffer.from('old'),
    qos: 1,
    retain: true,
    properties: NO_PROPERTIES,
    publishedAtMs: time.nowMs(),
    expiresAtMs: time.nowMs() + 1_000,
    publisher: CLIENT,
  };
  here.broker.retained.apply({ tenant: DEFAULT_TENANT, topic: 'a', message });
  await stores.retained.append([
    encodeRetainedEvent({ tenant: DEFAULT_TENANT, topic: 'a', message }, time.nowMs()),
  ]);
  await time.advance(2_000);
  expect(await here.broker.retained.sweepExpired()).toBe(1);
  expect(here.broker.retained.messages).toBe(0);
  expect(await stores.retained.endOffsets()).toEqual([1]);
});
