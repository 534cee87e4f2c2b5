/** The part of the durable queue contract about quotas: of one queue, and of all queues of a tenant. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  queueKey,
  type AppendEntry,
  type AppendResult,
  type DurableQueueStore,
  type QueueKey,
  type QuotaPolicy,
  type Seq,
  type TotalQuota,
} from '../../src/queue/durable-queue.ts';
import { messageBytes } from '../../src/queue/message.ts';
import type { TenantId } from '../../src/tenancy/identity.ts';
import { EntryMaker, EVERYTHING, GENEROUS, messageOf, queueOf, textOf } from './durable-queue-contract.ts';
import type { DurableQueueHarness } from './durable-queue-contract.ts';

const NOW_MS = 1_700_000_000_000;

export function describeQueueQuotas(makeHarness: (random: () => number) => DurableQueueHarness): void {
  describe('quota', () => {
    let harness: DurableQueueHarness;
    let store: DurableQueueStore;
    let make: EntryMaker;
    const bike = queueOf(1);

    beforeEach(async () => {
      make = new EntryMaker();
      harness = makeHarness(() => 0.5);
      store = await harness.open({ defaultQuota: GENEROUS, nowMs: () => NOW_MS });
    });
    afterEach(() => store.close());

    async function append(...entries: AppendEntry[]): Promise<readonly AppendResult[]> {
      return store.append(entries);
    }
    async function texts(): Promise<string[]> {
      return (await store.read(bike, 1 as Seq, EVERYTHING)).map(textOf);
    }
    async function seqs(): Promise<number[]> {
      return (await store.read(bike, 1 as Seq, EVERYTHING)).map(({ seq }) => seq);
    }
    async function trim(queue: QueueKey, through: number): Promise<void> {
      await store.trim([{ queue, through: through as Seq }]);
    }
    const size = messageBytes(messageOf('a'));

    test('reject: the publisher is told, nothing changes', async () => {
      await store.setQuota(bike, { messagesMax: 2, bytesMax: 1000, policy: 'reject' });
      const results = await append(...['a', 'b', 'c'].map((text) => make.entry(bike, text)));
      expect(results.at(-1)).toEqual({ status: 'rejected', seq: 0, evicted: 0 });
      expect(await texts()).toEqual(['a', 'b']);
      await trim(bike, 1);
      expect(await append(make.entry(bike, 'd'))).toMatchObject([{ status: 'stored', seq: 3 }]);
    });

    test('drop-newest: the newest is not stored', async () => {
      await store.setQuota(bike, { messagesMax: 10, bytesMax: 2 * size, policy: 'drop-newest' });
      const results = await append(...['a', 'b', 'c'].map((text) => make.entry(bike, text)));
      expect(results.at(-1)).toEqual({ status: 'dropped', seq: 0, evicted: 0 });
      expect(await texts()).toEqual(['a', 'b']);
    });

    test('drop-oldest: the oldest make room, also for a large one', async () => {
      await store.setQuota(bike, { messagesMax: 3, bytesMax: 4 * size, policy: 'drop-oldest' });
      const results = await append(...['a', 'b', 'c', 'd'].map((text) => make.entry(bike, text)));
      expect(results.map(({ evicted }) => evicted)).toEqual([0, 0, 0, 1]);
      const large = 'L'.repeat(1 + 2 * size);
      expect(await append(make.entry(bike, large))).toMatchObject([{ status: 'stored', seq: 5, evicted: 2 }]);
      expect(await texts()).toEqual(['d', large]);
    });

    test('drop-oldest: what could never fit evicts nothing', async () => {
      await store.setQuota(bike, { messagesMax: 3, bytesMax: 2 * size, policy: 'drop-oldest' });
      await append(make.entry(bike, 'a'));
      expect(await append(make.entry(bike, 'x'.repeat(2 * size)))).toMatchObject([
        { status: 'dropped', evicted: 0 },
      ]);
      expect(await texts()).toEqual(['a']);
    });

    test('of a tenant counts for its queues that have none of their own, as it is at each append', async () => {
      await store.close();
      const ofTenant = new Map([['red', { ...GENEROUS, messagesMax: 1 }]]);
      store = await harness.open({
        defaultQuota: GENEROUS,
        quotaOf: (tenant) => ofTenant.get(tenant) ?? GENEROUS,
        nowMs: () => NOW_MS,
      });
      const [red, blue] = [queueOf(1, 'pending', 'red'), queueOf(1, 'pending', 'blue')];
      const own = queueOf(2, 'pending', 'red');
      await store.setQuota(own, GENEROUS);
      const statuses = async (...queues: QueueKey[]) => {
        const results = await append(...queues.map((queue) => make.entry(queue, 'x')));
        return results.map(({ status }) => status);
      };
      expect(await statuses(red, blue, own, red, blue, own)).toEqual([
        'stored',
        'stored',
        'stored',
        'rejected',
        'stored',
        'stored',
      ]);
      ofTenant.set('red', { ...GENEROUS, messagesMax: 2 });
      expect(await statuses(red, red, blue)).toEqual(['stored', 'rejected', 'stored']);
    });

    test('a held queue rejects whatever its policy: PUBREC promised that it keeps what it has', async () => {
      const held = queueKey(bike.tenant, bike.sessionId, 'held');
      for (const policy of ['drop-oldest', 'drop-newest'] as const) {
        await store.setQuota(held, { messagesMax: 1, bytesMax: 1000, policy });
        await append(make.entry(held, policy));
        const [result] = await append(make.entry(held, 'one too many'));
        expect(result?.status).toBe('rejected');
        await store.drop(held);
      }
    });

    test('drop-oldest of one, over and over in one batch', async () => {
      await store.setQuota(bike, { messagesMax: 1, bytesMax: 1000, policy: 'drop-oldest' });
      const shared = messageOf('s');
      const results = await append(...Array.from({ length: 5 }, () => make.entry(bike, shared)));
      expect(results.map(({ evicted }) => evicted)).toEqual([0, 1, 1, 1, 1]);
      expect(await seqs()).toEqual([5]);
    });

    test('counts from the next append on, and goes back to the default', async () => {
      await append(...['a', 'b', 'c'].map((text) => make.entry(bike, text)));
      await store.setQuota(bike, { messagesMax: 1, bytesMax: 1000, policy: 'drop-oldest' });
      expect(await texts()).toEqual(['a', 'b', 'c']);
      expect(await append(make.entry(bike, 'd'))).toMatchObject([{ evicted: 3 }]);
      await store.setQuota(bike, undefined);
      await append(make.entry(bike, 'e'));
      expect(await texts()).toEqual(['d', 'e']);
    });

    test('a message that was refused may be offered again with the same sequence', async () => {
      await store.setQuota(bike, { messagesMax: 1, bytesMax: 1000, policy: 'reject' });
      await append(make.entry(bike, 'a'));
      const refused = make.entry(bike, 'b');
      expect(await append(refused)).toMatchObject([{ status: 'rejected' }]);
      await trim(bike, 1);
      expect(await append(refused)).toMatchObject([{ status: 'stored', seq: 2 }]);
    });
  });
  describeTotals(makeHarness);
}

let tenants = 0;

/** What the quota of all queues of a tenant together makes of one more message. */
function describeTotals(makeHarness: (random: () => number) => DurableQueueHarness): void {
  describe('quota of all queues of a tenant together', () => {
    const size = messageBytes(messageOf('a'));
    let harness: DurableQueueHarness;
    let store: DurableQueueStore;
    let make: EntryMaker;
    let red: TenantId;
    let together: TotalQuota | undefined;
    let policy: QuotaPolicy;

    beforeEach(async () => {
      make = new EntryMaker();
      harness = makeHarness(() => 0.5);
      // Of this test only: a table that is shared has queues of others.
      red = `red-${++tenants}` as TenantId;
      policy = 'reject';
      together = undefined;
      await open();
    });
    afterEach(() => store.close());

    async function open(): Promise<void> {
      store = await harness.open({
        defaultQuota: GENEROUS,
        quotaOf: (tenant) => ({ ...GENEROUS, policy, together: tenant === red ? together : undefined }),
        nowMs: () => NOW_MS,
      });
    }
    const queue = (session: number, kind?: QueueKey['kind']) => queueOf(session, kind, red);
    /** A message that nobody is there for, in a call of its own. */
    async function put(to: QueueKey, text = 'a', more: Partial<AppendEntry> = {}): Promise<AppendResult> {
      const [result] = await store.append([make.entry(to, text, { stays: true, ...more })]);
      if (result === undefined) throw new Error('the store answered nothing');
      return result;
    }
    async function trim(of: QueueKey, through: number): Promise<void> {
      await store.trim([{ queue: of, through: through as Seq }]);
      await count();
    }
    /** Lets a store that does not know it find out what is there. */
    async function count(): Promise<number> {
      let queues = 0;
      for await (const part of store.list()) queues += part.length;
      return queues;
    }
    async function texts(of: QueueKey): Promise<string[]> {
      return (await store.read(of, 1 as Seq, EVERYTHING)).map(textOf);
    }

    test('reject: pending and held ones count, other tenants notice nothing, and there is room behind a trim', async () => {
      together = { messagesMax: 3, bytesMax: Infinity };
      for (const each of [queue(1), queue(2), queue(1, 'held')])
        expect(await put(each)).toMatchObject({ status: 'stored' });
      const refused = { status: 'rejected', seq: 0, evicted: 0, tenantFull: 'messages' };
      for (const each of [queue(1), queue(3), queue(2, 'held')]) expect(await put(each)).toEqual(refused);
      expect(await put(queueOf(1, 'pending', `${red}-neighbour`))).toMatchObject({ status: 'stored' });
      expect(store.total(red)).toEqual({ messages: 3, bytes: 3 * size });
      await trim(queue(2), 1);
      expect(store.total(red)).toEqual({ messages: 2, bytes: 2 * size });
      expect(await put(queue(3))).toMatchObject({ status: 'stored', seq: 1 });
      expect(await put(queue(3))).toEqual(refused);
    });

    test('of bytes, however they are spread', async () => {
      together = { messagesMax: Infinity, bytesMax: 3 * size };
      await put(queue(1));
      expect(await put(queue(2), 'a'.repeat(2 * size))).toMatchObject({
        status: 'rejected',
        tenantFull: 'bytes',
      });
      expect([await put(queue(2)), await put(queue(3))]).toMatchObject([
        { status: 'stored' },
        { status: 'stored' },
      ]);
      expect(await put(queue(4))).toMatchObject({ status: 'rejected', tenantFull: 'bytes' });
    });

    test('drop-oldest: those of the same queue make way, and where there are none it is dropped', async () => {
      policy = 'drop-oldest';
      together = { messagesMax: 3, bytesMax: Infinity };
      for (const text of ['a', 'b']) await put(queue(1), text);
      await put(queue(2), 'x');
      expect(await put(queue(1), 'c')).toEqual({
        status: 'stored',
        seq: 3,
        evicted: 1,
        tenantFull: 'messages',
      });
      expect(await put(queue(3), 'y')).toEqual({
        status: 'dropped',
        seq: 0,
        evicted: 0,
        tenantFull: 'messages',
      });
      expect(await Promise.all([1, 2, 3].map((session) => texts(queue(session))))).toEqual([
        ['b', 'c'],
        ['x'],
        [],
      ]);
      together = { messagesMax: Infinity, bytesMax: 3 * size };
      const large = 'L'.repeat(size);
      expect(await put(queue(1), large)).toMatchObject({ status: 'stored', evicted: 2, tenantFull: 'bytes' });
      expect(await put(queue(2), large)).toMatchObject({
        status: 'dropped',
        evicted: 0,
        tenantFull: 'bytes',
      });
    });

    test('drop-newest: it is not stored, and a held one is refused', async () => {
      policy = 'drop-newest';
      together = { messagesMax: 1, bytesMax: Infinity };
      await put(queue(1));
      expect(await put(queue(1))).toMatchObject({ status: 'dropped', tenantFull: 'messages' });
      expect(await put(queue(1, 'held'))).toMatchObject({ status: 'rejected', tenantFull: 'messages' });
    });

    test('counts for queues with a quota of their own too', async () => {
      together = { messagesMax: 1, bytesMax: Infinity };
      await store.setQuota(queue(1), GENEROUS);
      await put(queue(1));
      expect(await put(queue(1))).toMatchObject({ status: 'rejected', tenantFull: 'messages' });
    });

    test('is no reason to refuse what was accepted before, or to forget what was stored', async () => {
      together = { messagesMax: 1, bytesMax: Infinity };
      const first = make.entry(queue(1), 'a', { stays: true });
      expect(await store.append([first])).toMatchObject([{ status: 'stored', seq: 1 }]);
      expect(await store.append([first])).toMatchObject([{ status: 'repeat', seq: 1 }]);
      expect(await put(queue(1), 'owed', { owed: true })).toMatchObject({ status: 'stored', seq: 2 });
      expect(await put(queue(1))).toMatchObject({ status: 'rejected' });
    });

    test('is another one from the next append on', async () => {
      await put(queue(1));
      await count();
      together = { messagesMax: 1, bytesMax: Infinity };
      expect(await put(queue(1))).toMatchObject({ status: 'rejected' });
      together = { messagesMax: 2, bytesMax: Infinity };
      expect([await put(queue(1)), await put(queue(1))]).toMatchObject([
        { status: 'stored' },
        { status: 'rejected' },
      ]);
      together = undefined;
      expect(await put(queue(1))).toMatchObject({ status: 'stored' });
    });

    test('holds when the store is opened again', async () => {
      together = { messagesMax: 2, bytesMax: Infinity };
      await put(queue(1));
      await put(queue(2));
      if (!harness.survives) return;
      await store.close();
      await open();
      await count();
      expect(store.total(red)).toEqual({ messages: 2, bytes: 2 * size });
      expect(await put(queue(1))).toMatchObject({ status: 'rejected' });
    });

    test('knows what is dropped and what has expired', async () => {
      await store.append([
        make.entry(queue(1), messageOf('old', NOW_MS + 1_000)),
        make.entry(queue(1), 'a'),
        make.entry(queue(2), 'b'),
      ]);
      await store.sweepExpired(NOW_MS + 10_000);
      await count();
      expect(store.total(red)).toEqual({ messages: 2, bytes: 2 * size });
      await store.drop(queue(1));
      await count();
      expect(store.total(red)).toEqual({ messages: 1, bytes: size });
    });
  });
}
