/**
 * The contract of the durable queue port. An adapter runs it by calling `describeDurableQueue` with a harness;
 * one that promises to survive crashes also offers `kill` and `cutPower`.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PRODUCERS_REMEMBERED, queueKey } from '../../src/queue/durable-queue.ts';
import type {
  AppendEntry,
  AppendResult,
  DurableQueueStore,
  QueueEntry,
  QueueKey,
  QueueKind,
  QueueQuota,
  ReadLimits,
  Seq,
  TenantQueueQuota,
} from '../../src/queue/durable-queue.ts';
import { messageBytes, NO_PROPERTIES } from '../../src/queue/message.ts';
import type { Message, QueuedMessage } from '../../src/queue/message.ts';
import type { ClientId, SessionId, TenantId } from '../../src/tenancy/identity.ts';
import { describeQueueModel } from './durable-queue-model.ts';
import { describeQueueQuotas } from './durable-queue-quotas.ts';

export interface DurableQueueHarness {
  /** Opens the store over what is there; `nowMs` is what the clock of the store says. */
  open(options: {
    readonly defaultQuota: QueueQuota;
    readonly quotaOf?: (tenant: TenantId) => TenantQueueQuota;
    readonly nowMs: () => number;
  }): Promise<DurableQueueStore>;
  /** Whether what resolved survives `kill` and `cutPower`. */
  readonly survives: boolean;
  /** The process dies without a word; the next `open` finds what it had written. */
  kill?(): void;
  /** Power is lost; the next `open` finds what was synced, and of the rest what `random` decides. */
  cutPower?(): void;
}

export const GENEROUS: QueueQuota = { messagesMax: 100_000, bytesMax: 1 << 30, policy: 'reject' };
export const EVERYTHING: ReadLimits = { messagesMax: 10_000, bytesMax: 1 << 30 };
const NOW_MS = 1_700_000_000_000;

export function queueOf(session: number, kind: QueueKind = 'pending', tenant = 'default'): QueueKey {
  return queueKey(tenant as TenantId, session as SessionId, kind);
}

export function messageOf(text: string, expiresAtMs?: number): Message {
  return {
    topic: 'bikes/17/lock',
    payload: Buffer.from(text),
    qos: 1,
    retain: false,
    properties: NO_PROPERTIES,
    publishedAtMs: NOW_MS,
    expiresAtMs,
    publisher: 'operator' as ClientId,
  };
}

export function queuedOf(message: Message, more: Partial<QueuedMessage> = {}): QueuedMessage {
  return { message, qos: 1, retain: false, subscriptionIds: undefined, packetId: 0, ...more };
}

/** Makes entries whose producer never repeats a sequence. */
export class EntryMaker {
  #sequence = 0;

  entry(queue: QueueKey, message: Message | string, more: Partial<AppendEntry> = {}): AppendEntry {
    const queued = queuedOf(typeof message === 'string' ? messageOf(message) : message);
    return { queue, producer: 'broker#1', sequence: ++this.#sequence, queued, ...more };
  }
}

export function textOf({ queued }: QueueEntry): string {
  return queued.message.payload.toString();
}

/** `histories`: how many random ones are played through; each is a few hundred calls. */
export function describeDurableQueue(
  adapter: string,
  makeHarness: (random: () => number) => DurableQueueHarness,
  histories = 40,
): void {
  describe(`durable queue: ${adapter}`, () => {
    let harness: DurableQueueHarness;
    let store: DurableQueueStore;
    let make: EntryMaker;
    let nowMs = NOW_MS;
    const bike = queueOf(1);
    const other = queueOf(2);

    async function open(defaultQuota = GENEROUS): Promise<void> {
      store = await harness.open({ defaultQuota, nowMs: () => nowMs });
    }

    beforeEach(async () => {
      nowMs = NOW_MS;
      make = new EntryMaker();
      harness = makeHarness(() => 0.5);
      await open();
    });
    afterEach(() => store.close());

    async function append(...entries: AppendEntry[]): Promise<readonly AppendResult[]> {
      return store.append(entries);
    }
    async function texts(queue = bike, from = 1, limits = EVERYTHING): Promise<string[]> {
      return (await store.read(queue, from as Seq, limits)).map(textOf);
    }
    async function seqs(queue = bike, from = 1, limits = EVERYTHING): Promise<number[]> {
      return (await store.read(queue, from as Seq, limits)).map(({ seq }) => seq);
    }
    async function trim(queue: QueueKey, through: number): Promise<void> {
      await store.trim([{ queue, through: through as Seq }]);
    }

    describe('append and read', () => {
      test('positions are consecutive from 1, per queue', async () => {
        const results = await append(make.entry(bike, 'a'), make.entry(other, 'x'), make.entry(bike, 'b'));
        expect(results).toEqual([
          { status: 'stored', seq: 1, evicted: 0 },
          { status: 'stored', seq: 1, evicted: 0 },
          { status: 'stored', seq: 2, evicted: 0 },
        ]);
        expect(await append(make.entry(bike, 'c'))).toMatchObject([{ seq: 3 }]);
        expect(await texts()).toEqual(['a', 'b', 'c']);
      });

      test('an empty batch is no error', async () => {
        expect(await append()).toEqual([]);
      });

      test('overlapping appends keep the order of the calls', async () => {
        const calls = Array.from({ length: 200 }, (_, index) => append(make.entry(bike, String(index))));
        const results = (await Promise.all(calls)).flat();
        expect(results.map(({ seq }) => seq)).toEqual(Array.from({ length: 200 }, (_, index) => index + 1));
        expect(await texts()).toEqual(Array.from({ length: 200 }, (_, index) => String(index)));
      });

      test('every part of a message comes back', async () => {
        const message: Message = {
          topic: 'städte/zürich/🚲',
          payload: Buffer.from([0, 255, 1, 254]),
          qos: 2,
          retain: true,
          properties: Buffer.from([1, 1, 38, 0, 1, 97, 0, 1, 98]),
          publishedAtMs: NOW_MS + 0.5,
          expiresAtMs: NOW_MS + 60_000,
          publisher: 'ключ' as ClientId,
        };
        const queued = queuedOf(message, {
          qos: 2,
          retain: true,
          subscriptionIds: [1, 268_435_455],
          packetId: 65_535,
        });
        await append(make.entry(bike, message, { queued }));
        expect(await store.read(bike, 1 as Seq, EVERYTHING)).toEqual([{ seq: 1, marked: false, queued }]);
      });

      test('a message larger than any buffer inside comes back', async () => {
        const payload = Buffer.alloc(3_000_000, 'spoke');
        await append(
          make.entry(bike, 'a'),
          make.entry(bike, { ...messageOf(''), payload }),
          make.entry(bike, 'c'),
        );
        const [first, large, last] = await store.read(bike, 1 as Seq, EVERYTHING);
        expect(large?.queued.message.payload.equals(payload)).toBe(true);
        expect([first, last].map((entry) => entry && textOf(entry))).toEqual(['a', 'c']);
      });

      test('a message in many queues keeps in each what is particular to it', async () => {
        const shared = messageOf('to all');
        const queues = Array.from({ length: 600 }, (_, index) => queueOf(index + 1));
        await append(
          ...queues.map((queue, index) =>
            make.entry(queue, shared, {
              queued: queuedOf(shared, { subscriptionIds: [index + 1], retain: index % 2 === 1 }),
            }),
          ),
        );
        for (const [index, queue] of queues.entries()) {
          const [entry] = await store.read(queue, 1 as Seq, EVERYTHING);
          expect(entry).toMatchObject({ queued: { subscriptionIds: [index + 1], retain: index % 2 === 1 } });
          expect(entry && textOf(entry)).toBe('to all');
        }
      });

      test('one message twice in one queue takes two positions', async () => {
        const shared = messageOf('twice');
        const results = await append(
          make.entry(bike, shared),
          make.entry(other, shared),
          make.entry(bike, shared),
        );
        expect(results.map(({ seq }) => seq)).toEqual([1, 1, 2]);
        expect(await texts()).toEqual(['twice', 'twice']);
      });

      test('the caller may reuse its payload once the append resolved', async () => {
        const chunk = Buffer.alloc(4096, 'a');
        await append(make.entry(bike, { ...messageOf(''), payload: chunk.subarray(10, 13) }));
        chunk.fill('z');
        expect(await texts()).toEqual(['aaa']);
      });

      test('reads respect both limits, and return at least one message', async () => {
        await append(...['a', 'bb', 'ccc'].map((text) => make.entry(bike, text)));
        expect(await texts(bike, 1, { messagesMax: 2, bytesMax: 1 << 20 })).toEqual(['a', 'bb']);
        const firstTwo = messageBytes(messageOf('a')) + messageBytes(messageOf('bb'));
        expect(await texts(bike, 1, { messagesMax: 10, bytesMax: firstTwo })).toEqual(['a', 'bb']);
        expect(await texts(bike, 1, { messagesMax: 10, bytesMax: firstTwo - 1 })).toEqual(['a']);
        expect(await texts(bike, 3, { messagesMax: 10, bytesMax: 0 })).toEqual(['ccc']);
        expect(await texts(bike, 4)).toEqual([]);
      });

      test('tenants and kinds do not share queues', async () => {
        await append(
          make.entry(queueOf(1, 'held'), 'held'),
          make.entry(queueOf(1, 'pending', 'acme'), 'acme'),
        );
        expect(await texts(bike)).toEqual([]);
        expect(await texts(queueOf(1, 'held'))).toEqual(['held']);
        expect(await texts(queueOf(1, 'pending', 'acme'))).toEqual(['acme']);
      });
    });

    describe('producers', () => {
      test('a repeated append changes nothing and says where the producer was', async () => {
        const entries = [make.entry(bike, 'a'), make.entry(bike, 'b')];
        await append(...entries);
        expect(await append(...entries)).toEqual([
          { status: 'repeat', seq: 2, evicted: 0 },
          { status: 'repeat', seq: 2, evicted: 0 },
        ]);
        expect(await texts()).toEqual(['a', 'b']);
      });

      test('sequences may have gaps', async () => {
        await append(make.entry(bike, 'a', { sequence: 5 }), make.entry(bike, 'b', { sequence: 50 }));
        expect(await append(make.entry(bike, 'x', { sequence: 49 }))).toMatchObject([{ status: 'repeat' }]);
        expect(await append(make.entry(bike, 'c', { sequence: 51 }))).toMatchObject([
          { status: 'stored', seq: 3 },
        ]);
      });

      test('sequences are per queue and per producer', async () => {
        await append(make.entry(bike, 'a', { sequence: 9 }));
        const results = await append(
          make.entry(other, 'a', { sequence: 9 }),
          make.entry(bike, 'b', { sequence: 9, producer: 'broker#2' }),
        );
        expect(results.map(({ status }) => status)).toEqual(['stored', 'stored']);
      });

      test('the most recent producers are remembered', async () => {
        const names = Array.from({ length: PRODUCERS_REMEMBERED + 1 }, (_, index) => `broker#${index}`);
        for (const producer of names) await append(make.entry(bike, producer, { producer, sequence: 1 }));
        const again = await append(
          ...names.slice(1).map((producer) => make.entry(bike, 'x', { producer, sequence: 1 })),
        );
        expect(again.every(({ status }) => status === 'repeat')).toBe(true);
        expect(await append(make.entry(bike, 'y', { producer: 'broker#0', sequence: 1 }))).toMatchObject([
          { status: 'stored' },
        ]);
      });

      test('a repeat is known after the message was trimmed', async () => {
        const entry = make.entry(bike, 'a');
        await append(entry);
        await trim(bike, 1);
        expect(await append(entry)).toMatchObject([{ status: 'repeat', seq: 1 }]);
        expect(await texts()).toEqual([]);
      });
    });

    describe('trim, mark, drop, bounds', () => {
      test('trim removes a prefix, and doing it again changes nothing', async () => {
        await append(...['a', 'b', 'c'].map((text) => make.entry(bike, text)));
        await trim(bike, 2);
        await trim(bike, 2);
        await trim(bike, 1);
        expect(await texts()).toEqual(['c']);
        expect(await seqs(bike, 1)).toEqual([3]);
        expect(await store.bounds(bike)).toEqual({
          min: 3,
          next: 4,
          messages: 1,
          bytes: messageBytes(messageOf('c')),
        });
      });

      test('a queue trimmed empty never uses a position again', async () => {
        await append(make.entry(bike, 'a'), make.entry(bike, 'b'));
        await trim(bike, 1000);
        expect(await store.bounds(bike)).toEqual({ min: 3, next: 3, messages: 0, bytes: 0 });
        expect(await append(make.entry(bike, 'c'))).toMatchObject([{ seq: 3 }]);
        expect(await texts()).toEqual(['c']);
      });

      test('a queue that was never used has bounds, and nothing to trim, mark or drop', async () => {
        await trim(bike, 5);
        await store.mark(bike, [1 as Seq]);
        await store.drop(bike);
        expect(await store.bounds(bike)).toEqual({ min: 1, next: 1, messages: 0, bytes: 0 });
        expect(await texts()).toEqual([]);
      });

      test('marks stick to their positions', async () => {
        await append(...['a', 'b', 'c'].map((text) => make.entry(bike, text)));
        await trim(bike, 1);
        await store.mark(bike, [1, 3, 99] as Seq[]);
        const entries = await store.read(bike, 1 as Seq, EVERYTHING);
        expect(entries.map(({ seq, marked }) => [seq, marked])).toEqual([
          [2, false],
          [3, true],
        ]);
      });

      test('a dropped queue is gone with its positions, producers and quota', async () => {
        const entry = make.entry(bike, 'a');
        await store.setQuota(bike, { messagesMax: 1, bytesMax: 1000, policy: 'reject' });
        await append(entry);
        await store.drop(bike);
        await store.drop(bike);
        expect(await store.bounds(bike)).toEqual({ min: 1, next: 1, messages: 0, bytes: 0 });
        expect(await append(entry, make.entry(bike, 'b'))).toMatchObject([
          { status: 'stored', seq: 1 },
          { status: 'stored', seq: 2 },
        ]);
        expect(await texts()).toEqual(['a', 'b']);
      });

      test('list names every queue that holds a message', async () => {
        for (let session = 1; session <= 700; session++) await append(make.entry(queueOf(session), 'x'));
        await trim(queueOf(7), 1);
        const listed: number[] = [];
        for await (const batch of store.list()) {
          for (const { queue, messages } of batch) {
            expect(messages).toBe(1);
            listed.push(queue.sessionId);
          }
        }
        const expected = Array.from({ length: 700 }, (_, index) => index + 1).filter(
          (session) => session !== 7,
        );
        expect(listed.sort((left, right) => left - right)).toEqual(expected);
      });
    });

    describe('expiry', () => {
      async function sweepAll(): Promise<number> {
        let swept = 0;
        for (;;) {
          const more = await store.sweepExpired(nowMs);
          if (more === 0) return swept;
          swept += more;
        }
      }

      test('expired messages go, from the middle too, but for QoS 2; the others keep their positions', async () => {
        const lifetimesS = [10, undefined, 3600, 10, 100_000, 10];
        await append(
          ...lifetimesS.map((lifetimeS, index) =>
            make.entry(
              bike,
              messageOf(String(index), lifetimeS === undefined ? undefined : NOW_MS + lifetimeS * 1000),
            ),
          ),
          make.entry(other, messageOf('x', NOW_MS + 10_000)),
        );
        expect(await sweepAll()).toBe(0);
        nowMs += 11_000;
        expect(await sweepAll()).toBe(4);
        expect(await seqs()).toEqual([2, 3, 5]);
        expect(await store.bounds(bike)).toEqual({
          min: 2,
          next: 7,
          messages: 3,
          bytes: 3 * messageBytes(messageOf('x')),
        });
        expect(await store.bounds(other)).toMatchObject({ min: 2, next: 2, messages: 0 });
        nowMs += 3_600_000;
        expect(await sweepAll()).toBe(1);
        nowMs += 100_000_000;
        expect(await sweepAll()).toBe(1);
        expect(await seqs()).toEqual([2]);
        expect(await append(make.entry(bike, 'new'))).toMatchObject([{ seq: 7 }]);
        await append(make.entry(bike, '', { queued: queuedOf(messageOf('', NOW_MS), { qos: 2 }) }));
        expect(await sweepAll()).toBe(0);
      });

      test('what was trimmed or dropped before it expired is not counted', async () => {
        const soon = NOW_MS + 5000;
        await append(make.entry(bike, messageOf('a', soon)), make.entry(bike, messageOf('b', soon)));
        await append(make.entry(other, messageOf('c', soon)));
        await trim(bike, 1);
        await store.drop(other);
        nowMs += 10_000;
        expect(await sweepAll()).toBe(1);
      });
    });

    test('after close nothing is accepted', async () => {
      await store.close();
      await store.close();
      await expect(append(make.entry(bike, 'a'))).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    });

    describeQueueQuotas(makeHarness);
    describeQueueModel(makeHarness, histories);

    if (!makeHarness(() => 0.5).survives) return;

    describe('crash', () => {
      async function history(): Promise<void> {
        await store.setQuota(other, { messagesMax: 2, bytesMax: 1000, policy: 'drop-oldest' });
        await append(...['a', 'b', 'c', 'd'].map((text) => make.entry(bike, text)));
        await append(...['x', 'y', 'z'].map((text) => make.entry(other, text)));
        await append(make.entry(queueOf(3), 'gone'));
        await store.mark(bike, [3 as Seq]);
        await trim(bike, 1);
        await store.drop(queueOf(3));
        await append(
          make.entry(bike, messageOf('late', NOW_MS + 1000), { producer: 'broker#2', sequence: 7 }),
        );
      }

      async function expectHistory(): Promise<void> {
        const entries = await store.read(bike, 1 as Seq, EVERYTHING);
        expect(entries.map((entry) => [entry.seq, textOf(entry), entry.marked])).toEqual([
          [2, 'b', false],
          [3, 'c', true],
          [4, 'd', false],
          [5, 'late', false],
        ]);
        expect(await texts(other)).toEqual(['y', 'z']);
        expect(await store.bounds(queueOf(3))).toMatchObject({ next: 1, messages: 0 });
        expect(await append(make.entry(bike, 'x', { producer: 'broker#2', sequence: 7 }))).toMatchObject([
          { status: 'repeat', seq: 5 },
        ]);
        expect(await append(make.entry(other, 'w'))).toMatchObject([{ seq: 4, evicted: 1 }]);
        nowMs += 10_000;
        expect(await store.sweepExpired(nowMs)).toBe(1);
      }

      test.each(['kill', 'cutPower', 'close'] as const)(
        '%s: everything that resolved is there',
        async (end) => {
          await history();
          await (end === 'close' ? store.close() : harness[end]?.());
          await open();
          await expectHistory();
        },
      );

      test('positions of an emptied queue are not used again after a crash', async () => {
        await append(make.entry(bike, 'a'), make.entry(bike, 'b'));
        await trim(bike, 2);
        harness.cutPower?.();
        await open();
        expect(await append(make.entry(bike, 'c'))).toMatchObject([{ seq: 3 }]);
      });

      test('an append that did not resolve is there as a whole or not at all, and may be repeated', async () => {
        await append(make.entry(bike, 'a'));
        const entry = make.entry(bike, 'b'.repeat(5000));
        void append(entry).catch(() => undefined);
        await new Promise((resolve) => setImmediate(resolve));
        harness.cutPower?.();
        await open();
        await append(entry);
        expect(await texts()).toEqual(['a', 'b'.repeat(5000)]);
      });
    });
  });
}
