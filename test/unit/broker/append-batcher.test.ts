import { beforeEach, describe, expect, test } from 'vitest';
import { MemoryDurableQueue } from '../../../src/adapters/memory/memory-durable-queue.ts';
import type { AppendReceiver } from '../../../src/broker/append-batch.ts';
import { AppendBatcher } from '../../../src/broker/append-batcher.ts';
import { PublishTicket } from '../../../src/broker/publish-ticket.ts';
import { PlaceLostError } from '../../../src/errors/place-lost-error.ts';
import { Counters } from '../../../src/metrics/counters.ts';
import { REASON } from '../../../src/mqtt/reason-code.ts';
import type { AppendEntry, AppendResult, QueueQuota, Seq } from '../../../src/queue/durable-queue.ts';
import { queueKey } from '../../../src/queue/durable-queue.ts';
import { DEFAULT_TENANT, incarnation, type SessionId } from '../../../src/tenancy/identity.ts';
import { messageTo, queued } from '../../support/simulated-message.ts';
import { SimulatedTime } from '../../support/simulated-time.ts';

const STORE_TIMEOUT_MS = 2_000;
const LIMITLESS: QueueQuota = { messagesMax: 1_000, bytesMax: 1_000_000, policy: 'reject' };
const QUEUE = queueKey(DEFAULT_TENANT, 1 as SessionId, 'pending');

/** A store whose calls wait until the test lets them go on, or fail. */
class GatedStore extends MemoryDurableQueue {
  readonly calls: (readonly AppendEntry[])[] = [];
  /** What becomes of the calls to come, in order; afterwards they succeed. */
  fates: ('hang' | 'lost' | 'applied' | 'place lost')[] = [];
  release: () => void = () => undefined;

  override async append(batch: readonly AppendEntry[]): Promise<readonly AppendResult[]> {
    this.calls.push([...batch]);
    const fate = this.fates.shift();
    if (fate === 'hang') await new Promise<void>((resolve) => (this.release = resolve));
    if (fate === 'lost') throw new Error('lost');
    if (fate === 'place lost') throw new PlaceLostError('queues');
    const results = await super.append(batch);
    if (fate === 'applied') throw new Error('applied, but the answer was lost');
    return results;
  }
}

describe('append batcher', () => {
  let time: SimulatedTime;
  let store: GatedStore;
  let batcher: AppendBatcher;
  let heard: string[];
  let receiver: AppendReceiver;
  let settled: number;

  beforeEach(() => {
    time = new SimulatedTime();
    heard = [];
    settled = 0;
    use(new GatedStore(LIMITLESS));
    receiver = {
      counters: new Counters(),
      appended: (seq, { message }) => heard.push(`${message.payload.toString()} at ${seq}`),
      reached: (seq) => heard.push(`reached ${seq}`),
    };
  });

  function use(gated: GatedStore): void {
    store = gated;
    batcher = new AppendBatcher({
      store,
      incarnation: incarnation('test', 1),
      timers: time,
      storeTimeoutMs: STORE_TIMEOUT_MS,
      bytesHigh: 1_000_000,
      onStoreError: () => undefined,
      onSettled: () => settled++,
    });
  }

  function append(payload: string, origin?: { producer: string; sequence: number }): PublishTicket {
    const ticket = new PublishTicket(
      {
        publishSettled: ({ failed, reasonCode }) =>
          heard.push(
            `${payload} ${failed ? 'failed' : reasonCode === REASON.success ? 'acked' : reasonCode}`,
          ),
      },
      0,
      time.nowMs(),
    );
    batcher.append({ queue: QUEUE, queued: queued(messageTo('t', payload)), receiver, ticket, origin });
    ticket.settle();
    return ticket;
  }

  async function contents(): Promise<string[]> {
    const entries = await store.read(QUEUE, 1 as Seq, { messagesMax: 100, bytesMax: 10_000 });
    return entries.map((entry) => entry.queued.message.payload.toString());
  }

  test('whoever has lost its place is told at once that nothing is stored, not after the time-out', async () => {
    store.fates = ['place lost'];
    append('a');
    const settledBy = batcher.barrier().then(() => heard.push('barrier'));
    await time.advance(STORE_TIMEOUT_MS / 2);
    await settledBy;
    expect(heard).toEqual(['a failed', 'barrier']);
  });

  test('what one turn hands in is one call, and readers hear of it before the publisher', async () => {
    append('a');
    append('b');
    expect(store.calls).toHaveLength(0);
    await time.settle();
    expect(store.calls).toHaveLength(1);
    expect(heard).toEqual(['a at 1', 'a acked', 'b at 2', 'b acked']);
  });

  test('one call is under way at a time; what arrives meanwhile is the next one', async () => {
    store.fates = ['hang'];
    append('a');
    await time.settle();
    append('b');
    append('c');
    await time.settle();
    expect(store.calls).toHaveLength(1);
    expect(batcher.stagedBytes).toBeGreaterThan(0);
    store.release();
    await time.settle();
    expect(store.calls.map((call) => call.length)).toEqual([1, 2]);
    expect(await contents()).toEqual(['a', 'b', 'c']);
    expect(batcher.stagedBytes).toBe(0);
  });

  test.each(['lost', 'applied'] as const)(
    'a failed attempt (%s) is repeated with the same sequences',
    async (fate) => {
      store.fates = [fate, fate];
      append('a');
      append('b');
      await time.settle();
      expect(heard).toEqual([]);
      expect(batcher.isRetrying).toBe(true);
      await time.advance(500);
      expect(store.calls.map((call) => call.map(({ sequence }) => sequence))).toEqual([
        [1, 2],
        [1, 2],
        [1, 2],
      ]);
      expect(heard.filter((each) => each.endsWith('acked'))).toEqual(['a acked', 'b acked']);
      expect(heard.includes('reached 2')).toBe(fate === 'applied');
      expect(await contents()).toEqual(['a', 'b']);
      expect(batcher.isRetrying).toBe(false);
    },
  );

  test.each(['lost', 'hang'] as const)('tickets fail at the deadline when every call is %s', async (fate) => {
    store.fates = Array.from({ length: 100 }, () => fate);
    append('a');
    await time.advance(STORE_TIMEOUT_MS - 100);
    expect(heard).toEqual([]);
    await time.advance(1_200);
    expect(heard).toEqual(['a failed']);
    expect(receiver.counters.storeFailures).toBe(1);
  });

  test('what waits behind a batch that failed fails too: a later position never overtakes an earlier one', async () => {
    store.fates = Array.from({ length: 100 }, () => 'lost');
    append('first', { producer: 'session/7', sequence: 1 });
    await time.settle();
    append('second', { producer: 'session/7', sequence: 2 });
    await time.advance(STORE_TIMEOUT_MS + 1_000);
    expect(heard).toEqual(['first failed', 'second failed']);
    expect(batcher.stagedBytes).toBe(0);
    store.fates = [];
    append('first', { producer: 'session/7', sequence: 1 });
    append('second', { producer: 'session/7', sequence: 2 });
    await time.settle();
    expect(await contents()).toEqual(['first', 'second']);
  });

  test('a publisher that comes while the store still hangs gets a deadline of its own', async () => {
    store.fates = ['hang'];
    append('a');
    await time.advance(STORE_TIMEOUT_MS);
    append('b');
    await time.advance(STORE_TIMEOUT_MS - 1);
    expect(heard).toEqual(['a failed']);
    await time.advance(STORE_TIMEOUT_MS);
    expect(heard).toEqual(['a failed', 'b failed']);
    store.release();
    await time.settle();
    expect(heard.at(-1), 'its reader still learns of it').toBe('a at 1');
    append('c');
    await time.settle();
    expect(await contents()).toEqual(['a', 'c']);
  });

  test('a barrier waits for everything handed in before it, and for nothing after', async () => {
    store.fates = ['hang', 'hang'];
    append('a');
    await time.settle();
    append('b');
    void batcher.barrier().then(() => heard.push('barrier'));
    store.release();
    await time.settle();
    append('c');
    expect(heard).toEqual(['a at 1', 'a acked']);
    store.release();
    await time.settle();
    expect(heard.slice(2, 5)).toEqual(['b at 2', 'b acked', 'barrier']);
  });

  test('a barrier with nothing under way is passed at once', async () => {
    await expect(batcher.barrier()).resolves.toBeUndefined();
  });

  test('barriers behind a batch that failed are passed: its fate is known', async () => {
    store.fates = Array.from({ length: 100 }, () => 'lost');
    append('a');
    await time.settle();
    append('b');
    let passed = false;
    void batcher.barrier().then(() => (passed = true));
    await time.advance(STORE_TIMEOUT_MS - 1);
    expect(passed).toBe(false);
    await time.advance(1_000);
    expect(passed).toBe(true);
  });

  test.each([
    ['reject', ['a', 'b'], 'c 151', 'queueFull'],
    ['drop-newest', ['a', 'b'], 'c acked', 'queueFull'],
    ['drop-oldest', ['b', 'c'], 'c acked', 'queueEvicted'],
  ] as const)('a full queue with policy %s', async (policy, kept, answer, reason) => {
    use(new GatedStore({ messagesMax: 2, bytesMax: 1_000, policy }));
    for (const payload of ['a', 'b', 'c']) append(payload);
    await time.settle();
    expect(await contents()).toEqual(kept);
    expect(heard).toContain(answer);
    expect(receiver.counters.drops.get(reason)).toBe(1);
  });

  test('whoever waits for room is told after every call', async () => {
    append('a');
    await time.settle();
    expect(settled).toBe(1);
  });
});
