/** What sessions leave to each other when several members of a shared group end at once. */
import { beforeEach, expect, test } from 'vitest';
import { queueKey } from '../../../src/queue/durable-queue.ts';
import { DEFAULT_TENANT, type ClientId } from '../../../src/tenancy/identity.ts';
import { PeerBroker, SharedStores } from '../../support/peer-broker.ts';
import { messageTo } from '../../support/simulated-message.ts';
import { SimulatedTime } from '../../support/simulated-time.ts';

const [A, B, C, D] = ['a', 'b', 'c', 'd'] as ClientId[] as [ClientId, ClientId, ClientId, ClientId];
const MESSAGES = 6;
/** Far more than it takes; without a bound a test of an endless loop would not end either. */
const APPENDS_MAX = 50;

let time: SimulatedTime;
let stores: SharedStores;
let broker: PeerBroker;
let appends: number;

beforeEach(async () => {
  time = new SimulatedTime();
  stores = new SharedStores(time);
  appends = 0;
  const append = stores.queues.append.bind(stores.queues);
  stores.queues.append = (batch) => (++appends > APPENDS_MAX ? new Promise(() => undefined) : append(batch));
  broker = new PeerBroker(stores, 'here');
  await broker.start();
});

/** Absent members of one group, and messages for them. */
async function absentMembers(...members: ClientId[]): Promise<void> {
  await join(...members);
  for (let left = MESSAGES; left > 0; left--)
    broker.broker.publishing.publish(messageTo('t', `${left}`), undefined);
  await time.settle();
}

async function join(...members: ClientId[]): Promise<void> {
  for (const clientId of members) {
    const owner = broker.nextOwner();
    await broker.connect({ clientId, owner, sessionExpiryS: 60 });
    await broker.subscribe('$share/g/t', clientId);
    await broker.close(owner, clientId);
  }
}

async function endTogether(...members: ClientId[]): Promise<void> {
  const ended = members.map((clientId) => broker.broker.lifecycle.end(clientId, 'expired'));
  await time.settle();
  expect(appends).toBeLessThan(APPENDS_MAX);
  expect(await Promise.all(ended)).toEqual(members.map(() => true));
  for (const clientId of members) expect(broker.session(clientId)).toBeUndefined();
}

test('the last two of a group, ending at once, do not hand their messages to each other for ever', async () => {
  await absentMembers(A, B);
  await endTogether(A, B);
});

test('who stays gets the messages of all that end at once', async () => {
  await absentMembers(A, B, C);
  await endTogether(A, B);
  const sessionId = broker.session(C)?.sessionId;
  if (sessionId === undefined) throw new Error('the session that stays has ended');
  const { messages } = await stores.queues.bounds(queueKey(DEFAULT_TENANT, sessionId, 'pending'));
  expect(messages).toBe(MESSAGES);
});

/** What is in the queue of a member, payload by payload. */
async function queued(clientId: ClientId): Promise<string[]> {
  const sessionId = broker.session(clientId)?.sessionId;
  if (sessionId === undefined) throw new Error(`${clientId} has no session`);
  const queue = queueKey(DEFAULT_TENANT, sessionId, 'pending');
  const { min } = await stores.queues.bounds(queue);
  const entries = await stores.queues.read(queue, min, { messagesMax: 100, bytesMax: 1_048_576 });
  return entries.map(({ queued: { message } }) => message.payload.toString());
}

test('a broker that dies between hand-over and end leaves no QoS 2 message to two members', async () => {
  // All of it is for the first member, before there are others.
  await join(A);
  const payloads = Array.from({ length: MESSAGES }, (_, index) => `${index}`);
  for (const payload of payloads)
    broker.broker.publishing.publish(messageTo('t', payload, { qos: 2 }), undefined);
  await time.settle();
  await join(B, C, D);
  // Nobody is there to take it, but it was somebody's turn.
  broker.broker.publishing.publish(messageTo('t', 'at most once', { qos: 0 }), undefined);

  // Its session ends; the messages are handed over, and the record of its end never comes.
  broker.shut();
  void broker.broker.lifecycle.end(A, 'expired');
  await time.settle();
  const once = await Promise.all([B, C, D].map(queued));
  expect(once.flat().toSorted()).toEqual(payloads);

  // Another broker does it again. Turns begin anew there.
  const dead = broker;
  broker = new PeerBroker(stores, 'there');
  await broker.start();
  await endTogether(A);
  expect(await Promise.all([B, C, D].map(queued))).toEqual(once);
  expect(dead.session(A)).toBeUndefined();
});
