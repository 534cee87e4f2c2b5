/** The part of the durable queue contract about quotas: of one queue, and of all queues of a tenant. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  queueKey,
  type AppendEntry,
  type AppendResult,
  type DurableQueueStore,
  type QueueKey,
  type Seq,
} from '../../src/queue/durable-queue.ts';
import { messageBytes } from '../../src/queue/message.ts';
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
}
