/** Whatever has to go to a peer goes in frames that it takes, however much that is. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { MemoryPeerHub } from '../../../../src/adapters/memory/memory-peer-links.ts';
import { LocalInterest } from '../../../../src/broker/peers/local-interest.ts';
import { PeerOutbox, type RemoteGroup } from '../../../../src/broker/peers/peer-outbox.ts';
import { FRAME_OVERHEAD_BYTES } from '../../../../src/cluster/frame-bounds.ts';
import type { MessageFrame, PeerFrame, PeerTarget } from '../../../../src/cluster/peer-frame.ts';
import { frameBytesMax } from '../../../../src/cluster/peer-frame-codec.ts';
import type { Seq } from '../../../../src/queue/durable-queue.ts';
import { incarnation, type ClientId, type SessionId } from '../../../../src/tenancy/identity.ts';
import { SystemTimers } from '../../../../src/transport/system-time.ts';
import { member, messageFrame, TENANT } from '../../../support/peer-members.ts';
import { Gathered } from '../../../support/tcp-peers.ts';

const FRAME_MAX = FRAME_OVERHEAD_BYTES + 100_000;
/** As long as MQTT lets a text be. */
const LONG = 'x'.repeat(65_000);

const NOBODY = { added: () => undefined, removed: () => undefined };

let received: Gathered<PeerFrame>;
let outbox: PeerOutbox;
let closeAll: () => Promise<void>;

beforeEach(async () => {
  const timers = new SystemTimers();
  const hub = new MemoryPeerHub({ time: Object.assign(timers, { nowMs: () => 0 }) });
  const [here, there] = ['here', 'there'].map((name) =>
    hub.join(incarnation(name, 1), { limits: { frameBytesMax: FRAME_MAX } }),
  );
  if (here === undefined || there === undefined) throw new Error('two brokers were wanted');
  received = new Gathered();
  there.receive({
    onFrame: (_, frame) => {
      received.add(frame);
      return undefined;
    },
  });
  const up = new Gathered<boolean>();
  const link = here.connect(member(incarnation('there', 1), there.address), {
    onState: ({ isUp }) => {
      up.add(isUp);
    },
  });
  await up.find((isUp) => isUp);
  outbox = new PeerOutbox({ link, timers, waitMsMax: 10_000, noticeBytesMax: 65_536 });
  closeAll = async () => {
    await here.close();
    await there.close();
  };
});

afterEach(async () => {
  await closeAll();
});

function target(number: number, seq: number, clientId = `client ${number}`): PeerTarget {
  return {
    clientId: clientId as ClientId,
    sessionId: number as SessionId,
    seq: seq as Seq | 0,
    qos: 1,
    retain: false,
    subscriptionIds: undefined,
  };
}

/** Somebody who waits for everything to be decided. */
class Waiter {
  open = 0;
  settled = 0;
  failed = 0;
  readonly decided = new Gathered<'settled' | 'failed'>();

  expect(): void {
    this.open++;
  }

  settle(): void {
    this.settled++;
    this.decided.add('settled');
  }

  fail(): void {
    this.failed++;
    this.decided.add('failed');
  }
}

function messages(): MessageFrame[] {
  return received.items.filter((frame) => frame.type === 'message');
}

test.each([
  ['of usual names', 20_000, (number: number) => `client ${number}`],
  ['of the longest names', 200, (number: number) => `${number}`.padEnd(32_000, 'é')],
])('one message for many sessions %s reaches each of them once', async (_, sessions, nameOf) => {
  const { message } = messageFrame(Buffer.from('now'));
  const groups = Array.from({ length: 40 }, (_, n): RemoteGroup => ({ name: `${n}`, filter: LONG }));
  const waiter = new Waiter();
  for (const group of groups) outbox.forward(TENANT, message, group, waiter, undefined);
  outbox.forward(TENANT, message, undefined, waiter, undefined);
  for (let n = 1; n <= sessions; n++) outbox.deliver(TENANT, message, target(n, n, nameOf(n)));
  await waiter.decided.reaches(groups.length + 1);
  const frames = messages();
  expect(frames.length).toBeGreaterThan(1);
  expect(frames.filter(({ forInterest }) => forInterest)).toHaveLength(1);
  expect(frames.flatMap((frame) => frame.groups)).toEqual(groups);
  const seqs = frames.flatMap(({ targets }) => targets.map(({ seq }) => seq));
  expect(seqs).toEqual(Array.from({ length: sessions }, (_, n) => n + 1));
  expect(new Set(frames.map(({ message: { payload } }) => payload.toString()))).toEqual(new Set(['now']));
  expect([waiter.settled, waiter.failed, outbox.dropped]).toEqual([groups.length + 1, 0, 0]);
});

test('whoever waits is told when the last frame of the message is handled, and once', async () => {
  const { message } = messageFrame(Buffer.from('now'));
  const waiter = new Waiter();
  outbox.forward(TENANT, message, undefined, waiter, undefined);
  for (let n = 1; n <= 100; n++) outbox.deliver(TENANT, message, target(n, n, `${n}`.padEnd(65_000)));
  let framesBefore = 0;
  await waiter.decided.find(() => {
    framesBefore = messages().flatMap(({ targets }) => targets).length;
    return true;
  });
  expect(framesBefore).toBe(100);
  expect(waiter.settled).toBe(waiter.open);
});

test('positions of many queues with long names reach the peer', async () => {
  for (let n = 1; n <= 100; n++) {
    const clientId = `${n}`.padEnd(65_000) as ClientId;
    outbox.reached({ tenant: TENANT, clientId, sessionId: n as SessionId }, n as Seq);
  }
  const told = (): number =>
    received.items.reduce((sum, frame) => sum + (frame.type === 'reached' ? frame.queues.length : 0), 0);
  await received.find(() => told() === 100);
  expect(received.items.length).toBeGreaterThan(1);
});

test('a message that the peer would not take becomes a position where there is a queue, and is counted where not', async () => {
  const { message } = messageFrame(Buffer.alloc(100_000));
  const waiter = new Waiter();
  outbox.deliver(TENANT, message, target(1, 7));
  outbox.deliver(TENANT, message, target(2, 0));
  outbox.forward(TENANT, message, undefined, waiter, undefined);
  const told = await received.find(() => true);
  expect(told).toMatchObject({ type: 'reached', queues: [{ sessionId: 1, seq: 7 }] });
  expect(messages()).toEqual([]);
  // Nobody waits for what can never come.
  expect([outbox.dropped, waiter.open]).toEqual([2, 0]);
});

test('the filters of a broker go in frames that are taken, all of them', () => {
  const interest = new LocalInterest(TENANT, NOBODY);
  for (let n = 0; n < 100; n++) void interest.add({ filter: `${n}`.padEnd(65_000), group: undefined });
  for (let n = 0; n < 5_000; n++) void interest.add({ filter: `short/${n}`, group: 'g' });
  const frames = [...interest.frames()];
  for (const frame of frames) expect(frameBytesMax(frame)).toBeLessThan(FRAME_OVERHEAD_BYTES);
  const told = frames.flatMap((frame) => (frame.type === 'interest' ? frame.added : []));
  expect(new Set(told.map(({ filter }) => filter)).size).toBe(interest.size);
  expect([...new LocalInterest(TENANT, NOBODY).frames()]).toHaveLength(1);
});
