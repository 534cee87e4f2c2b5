import { describe, expect, test } from 'vitest';
import { MemoryDurableQueue } from '../../../src/adapters/memory/memory-durable-queue.ts';
import { AppendBatcher } from '../../../src/broker/append-batcher.ts';
import { HeldMessages } from '../../../src/broker/held-messages.ts';
import { PublishTicket } from '../../../src/broker/publish-ticket.ts';
import { Counters } from '../../../src/metrics/counters.ts';
import { REASON } from '../../../src/mqtt/reason-code.ts';
import { queueKey, type QueueKey, type Seq } from '../../../src/queue/durable-queue.ts';
import { DEFAULT_TENANT, incarnation, type SessionId } from '../../../src/tenancy/identity.ts';
import { messageTo, queued } from '../../support/simulated-message.ts';
import { SimulatedTime } from '../../support/simulated-time.ts';

const LIMITLESS = { messagesMax: 1_000, bytesMax: 100_000_000, policy: 'reject' } as const;
const HELD = queueKey(DEFAULT_TENANT, 1 as SessionId, 'held');
const PENDING = queueKey(DEFAULT_TENANT, 2 as SessionId, 'pending');
const STORE_TIMEOUT_MS = 1_000;

/** `crash…`: the process hears nothing any more from this call on. */
type Fate = 'lost' | 'applied' | 'crash' | 'crash applied';

/** One of its writes has a fate of its own. */
class FatefulStore extends MemoryDurableQueue {
  writes = 0;
  fateful = Infinity;
  fate: Fate = 'lost';
  /** That write, and what follows until it is healed, has the fate. */
  lasting = false;
  #dead = false;

  constructor() {
    super(LIMITLESS);
  }

  /** A new process, or a disk that works again. */
  heal(): void {
    this.fateful = Infinity;
    this.#dead = false;
  }

  override append(...args: Parameters<MemoryDurableQueue['append']>) {
    return this.#write(() => super.append(...args));
  }

  override trim(...args: Parameters<MemoryDurableQueue['trim']>) {
    return this.#write(() => super.trim(...args));
  }

  async #write<T>(call: () => Promise<T>): Promise<T> {
    if (this.#dead) return new Promise(() => undefined);
    this.writes++;
    const meets = this.lasting ? this.writes >= this.fateful : this.writes === this.fateful;
    if (!meets) return call();
    if (this.fate.startsWith('crash')) this.#dead = true;
    if (this.fate.endsWith('applied')) await call();
    if (this.#dead) return new Promise(() => undefined);
    throw new Error(this.fate);
  }
}

class Publisher {
  readonly time = new SimulatedTime();
  readonly store = new FatefulStore();
  held: HeldMessages;
  /** The member of shared groups whose turn it was last. */
  turn = 0;
  /** Members that releases were for, a repeated one too. */
  readonly chosen: number[] = [];
  #starts = 0;

  constructor() {
    this.held = this.#connect();
  }

  /** A new connection to a new process. */
  async restart(): Promise<void> {
    this.store.heal();
    this.held = this.#connect();
    await this.during(this.held.load());
  }

  /** What it resolves to, when it needs no more than a little time; undefined: it never does. */
  async during<T>(outcome: Promise<T>): Promise<T | undefined> {
    let result: T | undefined;
    outcome.then(
      (value) => (result = value),
      () => undefined,
    );
    await this.time.advance(2 * STORE_TIMEOUT_MS + 500);
    return result;
  }

  /** true: PUBREC may leave. */
  hold(packetId: number, payload: string): Promise<boolean> {
    return new Promise((resolve) => {
      const ticket = new PublishTicket(
        {
          publishSettled: ({ failed }) => {
            resolve(!failed);
          },
        },
        0,
        0,
      );
      this.held.hold(packetId, messageTo('t', payload, { qos: 2 }), ticket);
      ticket.settle();
    });
  }

  release(packetId: number): Promise<number> {
    return this.held.release(packetId, 0);
  }

  async payloads(queue: QueueKey): Promise<string[]> {
    const entries = await this.store.read(queue, 1 as Seq, { messagesMax: 100, bytesMax: 10_000_000 });
    return entries.map((entry) => entry.queued.message.payload.toString());
  }

  #connect(): HeldMessages {
    const counters = new Counters();
    const batcher = new AppendBatcher({
      store: this.store,
      incarnation: incarnation('test', ++this.#starts),
      timers: this.time,
      storeTimeoutMs: STORE_TIMEOUT_MS,
      bytesHigh: 1_000_000,
      onStoreError: () => undefined,
      onSettled: () => undefined,
    });
    return new HeldMessages({
      queue: HELD,
      sessionId: 1 as SessionId,
      store: this.store,
      batcher,
      counters,
      onQueueFull: () => undefined,
      // Whoever has the turn when the message comes: another one each time.
      chooseMembers: () => [++this.turn],
      publish: (message, ticket, origin, chosen = []) => {
        this.chosen.push(...chosen);
        const receiver = { counters, appended: () => undefined, reached: () => undefined };
        batcher.append({ queue: PENDING, queued: queued(message), receiver, ticket, origin });
      },
    });
  }
}

/** Holds `a`, `b`, `c` under 1, 2, 3. */
async function holding(): Promise<Publisher> {
  const publisher = new Publisher();
  const held = ['a', 'b', 'c'].map((payload, index) => publisher.hold(index + 1, payload));
  await publisher.time.settle();
  expect(await Promise.all(held)).toEqual([true, true, true]);
  return publisher;
}

const ORDERS = [
  [1, 2, 3],
  [3, 2, 1],
  [2, 3, 1],
  [2, 1, 3],
];

describe('held messages', () => {
  test('are on record when the ticket settles, and with nobody else', async () => {
    const publisher = await holding();
    expect(await publisher.payloads(HELD)).toEqual(['a', 'b', 'c']);
    expect(await publisher.payloads(PENDING)).toEqual([]);
    expect(publisher.held.isDurable(2)).toBe(true);
  });

  test.each(ORDERS)('are released once each in the order %i, %i, %i', async (...order) => {
    const publisher = await holding();
    const released = order.map((packetId) => publisher.release(packetId));
    await publisher.time.settle();
    expect(await Promise.all(released)).toEqual([0, 0, 0]);
    expect(await publisher.payloads(PENDING)).toEqual(order.map((packetId) => 'abc'[packetId - 1]));
    expect(await publisher.payloads(HELD)).toEqual([]);
    expect(publisher.held.size).toBe(0);
  });

  test('an identifier that is not held has nothing to release, nor has one whose release is under way', async () => {
    const publisher = await holding();
    const first = publisher.release(1);
    expect(await publisher.release(1)).toBe(REASON.packetIdentifierNotFound);
    expect(await publisher.release(9)).toBe(REASON.packetIdentifierNotFound);
    await publisher.time.settle();
    expect(await first).toBe(REASON.success);
    expect(await publisher.payloads(PENDING)).toEqual(['a']);
  });

  test('go to the members of shared groups that were chosen when they came, again after a crash', async () => {
    const publisher = await holding();
    await publisher.restart();
    // Out of order, so that the first two are moved.
    for (const packetId of [3, 1, 2]) await publisher.during(publisher.release(packetId));
    expect(publisher.chosen).toEqual([3, 1, 2]);
  });

  test('an identifier names a new message after PUBCOMP, also for the next process', async () => {
    const publisher = await holding();
    await publisher.during(publisher.release(1));
    await publisher.during(publisher.hold(1, 'another'));
    await publisher.restart();
    for (const packetId of [2, 3, 1]) await publisher.during(publisher.release(packetId));
    expect(await publisher.payloads(PENDING)).toEqual(['a', 'b', 'c', 'another']);
  });

  test('a message whose answer was lost is known to be durable, and released', async () => {
    const publisher = new Publisher();
    publisher.store.fateful = 1;
    publisher.store.fate = 'applied';
    expect(await publisher.during(publisher.hold(1, 'a'))).toBe(true);
    expect(publisher.held.isDurable(1), 'or a repeated PUBLISH would be refused').toBe(true);
    expect(await publisher.during(publisher.release(1))).toBe(REASON.success);
    expect(await publisher.payloads(PENDING)).toEqual(['a']);
    expect(await publisher.payloads(HELD)).toEqual([]);
  });

  test('messages too large to be kept in memory are read back', async () => {
    const publisher = new Publisher();
    const large = Array.from({ length: 5 }, (_, index) => String(index).repeat(100_000));
    for (const [index, payload] of large.entries())
      await publisher.during(publisher.hold(index + 1, payload));
    for (const index of large.keys()) await publisher.during(publisher.release(index + 1));
    expect(await publisher.payloads(PENDING)).toEqual(large);
  });

  test('whoever waits for idle waits for the trim', async () => {
    const publisher = await holding();
    expect(publisher.held.idle()).toBeUndefined();
    void publisher.release(2);
    const idle = publisher.held.idle();
    expect(idle).toBeDefined();
    await publisher.time.settle();
    await idle;
    expect(await publisher.payloads(HELD), 'a was moved behind b').toEqual(['c', 'a']);
  });

  describe.each(ORDERS)('released in the order %i, %i, %i', (...order) => {
    test.each(['lost', 'applied', 'crash', 'crash applied'] as const)(
      'are in the queue once each whichever write is %s',
      async (fate) => {
        for (let fateful = 1; fateful <= 8; fateful++) {
          for (const lasting of [false, true]) {
            const publisher = await holding();
            Object.assign(publisher.store, { fate, lasting, fateful: publisher.store.writes + fateful });
            await Promise.all(order.map((packetId) => publisher.during(publisher.release(packetId))));
            await publisher.restart();
            // The client repeats every PUBREL it has no PUBCOMP for; one too many does no harm.
            for (const packetId of order) await publisher.during(publisher.release(packetId));
            const place = `write ${fateful}, lasting: ${String(lasting)}`;
            expect((await publisher.payloads(PENDING)).sort(), place).toEqual(['a', 'b', 'c']);
            expect(await publisher.payloads(HELD), place).toEqual([]);
          }
        }
      },
    );
  });
});
