/** A client that connects again and again: those of its connections that wait in vain cost the log nothing. */
import { beforeEach, expect, test } from 'vitest';
import { ConnectRefused } from '../../../src/broker/connect-refused.ts';
import type { OpenedSession } from '../../../src/broker/opened-session.ts';
import { PeerBroker, SharedStores } from '../../support/peer-broker.ts';
import { SimulatedTime } from '../../support/simulated-time.ts';

let stores: SharedStores;
let broker: PeerBroker;

beforeEach(async () => {
  stores = new SharedStores(new SimulatedTime());
  broker = new PeerBroker(stores, 'here');
  await broker.start();
});

async function recordsOnLog(): Promise<number> {
  return (await stores.log.endOffsets()).reduce((sum: number, offset) => sum + Number(offset), 0);
}

/** The first is under way when the others come. */
function storm(connections: number, isGone: () => boolean = () => false): Promise<OpenedSession>[] {
  return Array.from({ length: connections }, () => broker.connect({ sessionExpiryS: 60, isGone }));
}

test('of many connections that wait for their turn the last one gets the session', async () => {
  const outcomes = await Promise.allSettled(storm(50));
  expect(outcomes.map(({ status }) => status)).toEqual([
    'fulfilled',
    ...Array<string>(48).fill('rejected'),
    'fulfilled',
  ]);
  for (const outcome of outcomes) {
    if (outcome.status === 'rejected') expect(outcome.reason).toBeInstanceOf(ConnectRefused);
  }
  expect(await recordsOnLog()).toBe(2);
});

test('a connection that is gone when its turn comes leaves the session to who has it', async () => {
  const owner = broker.nextOwner();
  await broker.connect({ owner, sessionExpiryS: 60 });
  const [late] = storm(1, () => true);
  await expect(late).rejects.toThrow(ConnectRefused);
  expect(broker.session()?.owner).toEqual(owner);
  expect(await recordsOnLog()).toBe(1);
});
