import { describe, expect, test } from 'vitest';
import { MemoryDurableQueue } from '../../../src/adapters/memory/memory-durable-queue.ts';
import { AppendBatcher } from '../../../src/broker/append-batcher.ts';
import { HeldMessages } from '../../../src/broker/held-messages.ts';
import { PublishTicket } from '../../../src/broker/publish-ticket.ts';
import { Counters } from '../../../src/metrics/counters.ts';
import { REASON } from '../../../src/mqtt/reason-code.ts';
import { queueKey, type QueueKey, type Seq } from '../../../src/queue/durable-queue.ts';
import { decodeIdentifiersInUse, RECORD_ID } from '../../../src/queue/identifiers-in-use.ts';
import { DEFAULT_TENANT, incarnation, type SessionId } from '../../../src/tenancy/identity.ts';
import { seededRandom } from '../../support/seeded-random.ts';
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

  get isDead(): boolean {
    return this.#dead;
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
  /** The most that waited for the store at a time. */
  stagedBytesMost = 0;
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
    return this.held.release(packetId);
  }

  async identifiersOnRecord(): Promise<readonly number[]> {
    const entries = await this.store.read(HELD, 1 as Seq, { messagesMax: 100, bytesMax: 10_000_000 });
    return entries.flatMap(({ queued: { packetId, message } }) =>
      packetId === RECORD_ID ? decodeIdentifiersInUse(message).packetIds : [packetId],
    );
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
      nowMs: () => this.time.nowMs(),
      onQueueFull: () => undefined,
      // Whoever has the turn when the message comes: another one each time.
      chooseMembers: () => [++this.turn],
      publish: (message, ticket, origin, chosen = []) => {
        this.chosen.push(...chosen);
        const receiver = { counters, appended: () => undefined, reached: () => undefined };
        batcher.append({ queue: PENDING, queued: queued(message), receiver, ticket, origin });
        this.stagedBytesMost = Math.max(this.stagedBytesMost, batcher.stagedBytes);
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

const SEEDS = Array.from({ length: 20 }, (_, index) => index + 1);
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

  test.each(ORDERS)(
    'go out in the order they came when released in the order %i, %i, %i',
    async (...order) => {
      const publisher = await holding();
      const released = order.map((packetId) => publisher.release(packetId));
      await publisher.time.settle();
      expect(await Promise.all(released)).toEqual([0, 0, 0]);
      expect(await publisher.payloads(PENDING)).toEqual(['a', 'b', 'c']);
      expect(await publisher.payloads(HELD)).toEqual([]);
      expect(publisher.held.size).toBe(0);
    },
  );

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
    // Out of order, so that the first two go with the third.
    for (const packetId of [3, 1, 2]) await publisher.during(publisher.release(packetId));
    expect(publisher.chosen).toEqual([1, 2, 3]);
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
    expect(await publisher.payloads(PENDING)).toEqual(['a', 'b']);
    expect(await publisher.identifiersOnRecord()).toEqual([3, 1]);
  });

  test('that went out with a later one keep their identifiers until their own PUBREL, also for the next process', async () => {
    const publisher = await holding();
    expect(await publisher.during(publisher.release(3))).toBe(REASON.success);
    for (const next of ['same process', 'next process']) {
      if (next === 'next process') await publisher.restart();
      expect(
        [1, 2, 3].map((packetId) => publisher.held.has(packetId)),
        next,
      ).toEqual([true, true, false]);
      expect(publisher.held.isDurable(1), 'or a repeated PUBLISH would be refused').toBe(true);
    }
    expect(await publisher.during(publisher.release(1))).toBe(REASON.success);
    await publisher.restart();
    expect([1, 2, 3].map((packetId) => publisher.held.has(packetId))).toEqual([false, true, false]);
    expect(await publisher.during(publisher.release(2))).toBe(REASON.success);
    expect(await publisher.payloads(PENDING)).toEqual(['a', 'b', 'c']);
    expect(await publisher.payloads(HELD), 'nothing is left of the record').toEqual([]);
  });

  test('an identifier that stays behind for long costs one small record, whatever is published meanwhile', async () => {
    const publisher = await holding();
    for (const packetId of [3, 2]) await publisher.during(publisher.release(packetId));
    for (let count = 0; count < 10; count++) {
      await publisher.during(publisher.hold(2, `later ${count}`));
      await publisher.during(publisher.release(2));
      expect(await publisher.identifiersOnRecord()).toEqual([1]);
    }
    await publisher.restart();
    await publisher.during(publisher.hold(2, 'last'));
    expect(await publisher.during(publisher.release(1))).toBe(REASON.success);
    expect(await publisher.payloads(HELD)).toContain('last');
    await publisher.restart();
    expect([1, 2].map((packetId) => publisher.held.has(packetId))).toEqual([false, true]);
    await publisher.during(publisher.release(2));
    const later = Array.from({ length: 10 }, (_, count) => `later ${count}`);
    expect(await publisher.payloads(PENDING)).toEqual(['a', 'b', 'c', ...later, 'last']);
    expect(await publisher.payloads(HELD)).toEqual([]);
  });

  test('what is held before a released message is handed on by parts, however much it is', async () => {
    const publisher = new Publisher();
    const large = Array.from({ length: 12 }, (_, index) => index.toString(36).repeat(200_000));
    for (const [index, payload] of large.entries())
      await publisher.during(publisher.hold(index + 1, payload));
    expect(await publisher.during(publisher.release(large.length))).toBe(REASON.success);
    expect(await publisher.payloads(PENDING)).toEqual(large);
    expect(publisher.stagedBytesMost).toBeLessThan(1.5 * 1024 * 1024);
  });

  test('a release waits as long as identifiers in use cannot be put on record, and the next process does it', async () => {
    const publisher = await holding();
    await publisher.store.setQuota(HELD, { ...LIMITLESS, messagesMax: 3 });
    expect(await publisher.during(publisher.release(3))).toBeUndefined();
    expect(await publisher.payloads(HELD)).toEqual(['a', 'b', 'c']);
    await publisher.restart();
    for (const packetId of [1, 3, 2]) await publisher.during(publisher.release(packetId));
    expect(await publisher.payloads(PENDING)).toEqual(['a', 'b', 'c']);
    expect(await publisher.payloads(HELD)).toEqual([]);
  });

  describe.each(ORDERS)('released in the order %i, %i, %i', (...order) => {
    test.each(['lost', 'applied', 'crash', 'crash applied'] as const)(
      'are in the queue once each whichever write is %s, in whatever order they are released again',
      async (fate) => {
        for (const again of ORDERS) {
          for (let fateful = 1; fateful <= 8; fateful++) {
            for (const lasting of [false, true]) {
              const publisher = await holding();
              Object.assign(publisher.store, { fate, lasting, fateful: publisher.store.writes + fateful });
              await Promise.all(order.map((packetId) => publisher.during(publisher.release(packetId))));
              await publisher.restart();
              // The client repeats every PUBREL it has no PUBCOMP for; one too many does no harm.
              for (const packetId of again) await publisher.during(publisher.release(packetId));
              const place = `write ${fateful}, lasting: ${String(lasting)}, again: ${again.join()}`;
              expect(await publisher.payloads(PENDING), place).toEqual(['a', 'b', 'c']);
              expect(await publisher.payloads(HELD), place).toEqual([]);
            }
          }
        }
      },
    );
  });

  /** A client that keeps no order at all, over many crashes. It does keep its identifiers. */
  test.each(SEEDS)('are in the queue once each, seed %i', async (seed) => {
    const random = seededRandom(seed);
    const publisher = new Publisher();
    /** What the client knows: no PUBREC yet, PUBREC, or that it has sent PUBREL, after which it may not publish again. */
    const exchanges = new Map<number, { payload: string; stage: 'publish' | 'received' | 'release' }>();
    const released: string[] = [];
    let count = 0;
    for (let step = 0; step < 150; step++) {
      const packetId = 1 + Math.floor(random() * 6);
      if (random() < 0.1) {
        const fate = random() < 0.5 ? 'crash' : 'crash applied';
        Object.assign(publisher.store, { fate, fateful: publisher.store.writes + Math.ceil(random() * 3) });
      }
      const exchange = exchanges.get(packetId) ?? { payload: `message ${++count}`, stage: 'publish' };
      exchanges.set(packetId, exchange);
      // It may have forgotten that there was a PUBREC.
      if (exchange.stage === 'publish' || (exchange.stage === 'received' && random() < 0.3)) {
        const isKnown = publisher.held.isDurable(packetId);
        const isHeld = isKnown || (await publisher.during(publisher.hold(packetId, exchange.payload)));
        if (isHeld === true) exchange.stage = 'received';
      } else {
        exchange.stage = 'release';
        if ((await publisher.during(publisher.release(packetId))) !== undefined) {
          exchanges.delete(packetId);
          released.push(exchange.payload);
        }
      }
      if (publisher.store.isDead) await publisher.restart();
    }
    const delivered = await publisher.payloads(PENDING);
    expect(new Set(delivered).size, 'none twice').toBe(delivered.length);
    expect(
      released.filter((payload) => !delivered.includes(payload)),
      'none lost',
    ).toEqual([]);
    expect(released.length).toBeGreaterThan(10);
  });
});
