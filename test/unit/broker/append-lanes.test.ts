import { beforeEach, describe, expect, test } from 'vitest';
import { MemoryDurableQueue } from '../../../src/adapters/memory/memory-durable-queue.ts';
import type { AppendReceiver } from '../../../src/broker/append-batch.ts';
import { AppendBatcher } from '../../../src/broker/append-batcher.ts';
import { PublishTicket } from '../../../src/broker/publish-ticket.ts';
import { Counters } from '../../../src/metrics/counters.ts';
import type {
  AppendEntry,
  AppendLanes,
  AppendResult,
  QueueKey,
  Seq,
} from '../../../src/queue/durable-queue.ts';
import { queueKey } from '../../../src/queue/durable-queue.ts';
import { DEFAULT_TENANT, incarnation, type SessionId } from '../../../src/tenancy/identity.ts';
import { messageTo, queued } from '../../support/simulated-message.ts';
import { SimulatedTime } from '../../support/simulated-time.ts';

const LANES = 4;
const CALLS_MAX = 2;
const ENTRIES_MAX = 3;
const STORE_TIMEOUT_MS = 2_000;
const BYTES_HIGH = 400;
/** Longer than a call may hang and keep its place. */
const STALLED_MS = 300;

const queueOf = (session: number): QueueKey => queueKey(DEFAULT_TENANT, session as SessionId, 'pending');

/** A store of several lanes, each of which answers, fails or hangs as the test says. */
class LanedStore extends MemoryDurableQueue {
  override readonly lanes: AppendLanes = {
    count: LANES,
    laneOf: ({ sessionId }) => sessionId % LANES,
    callsMax: CALLS_MAX,
    entriesMax: ENTRIES_MAX,
    bytesMax: 1_000,
  };
  /** Lanes in the order of their calls. */
  readonly calls: number[] = [];
  readonly away = new Set<number>();
  readonly hanging = new Map<number, (() => void)[]>();

  hang(lane: number): void {
    this.hanging.set(lane, []);
  }

  release(lane: number): void {
    const waiting = this.hanging.get(lane) ?? [];
    this.hanging.delete(lane);
    for (const resolve of waiting) resolve();
  }

  override async append(batch: readonly AppendEntry[]): Promise<readonly AppendResult[]> {
    const lanes = new Set(batch.map(({ queue }) => this.lanes.laneOf(queue)));
    expect(lanes.size, 'a call is for one lane').toBe(1);
    const [lane = 0] = lanes;
    this.calls.push(lane);
    if (this.away.has(lane)) throw new Error(`lane ${lane} is away`);
    const hanging = this.hanging.get(lane);
    if (hanging !== undefined) await new Promise<void>((resolve) => hanging.push(resolve));
    return super.append(batch);
  }
}

describe('append lanes', () => {
  let time: SimulatedTime;
  let store: LanedStore;
  let batcher: AppendBatcher;
  let heard: string[];
  let receiver: AppendReceiver;

  beforeEach(() => {
    time = new SimulatedTime();
    heard = [];
    store = new LanedStore({ messagesMax: 1_000, bytesMax: 1_000_000, policy: 'reject' });
    batcher = new AppendBatcher({
      store,
      incarnation: incarnation('test', 1),
      timers: time,
      storeTimeoutMs: STORE_TIMEOUT_MS,
      bytesHigh: BYTES_HIGH,
      onStoreError: () => undefined,
      onSettled: () => undefined,
    });
    receiver = { counters: new Counters(), appended: () => undefined, reached: () => undefined };
  });

  function append(text: string, ...sessions: number[]): PublishTicket {
    const publishSettled = ({ failed }: PublishTicket): void =>
      void heard.push(`${text} ${failed ? 'failed' : 'acked'}`);
    const ticket = new PublishTicket({ publishSettled }, 0, time.nowMs());
    const message = queued(messageTo('t', text));
    for (const session of sessions) {
      batcher.append({ queue: queueOf(session), queued: message, receiver, ticket, origin: undefined });
    }
    ticket.settle();
    return ticket;
  }

  async function contents(session: number): Promise<string[]> {
    const entries = await store.read(queueOf(session), 1 as Seq, { messagesMax: 100, bytesMax: 10_000 });
    return entries.map((entry) => entry.queued.message.payload.toString());
  }

  test('a lane that hangs delays and fails its own queues only', async () => {
    store.hang(1);
    append('a', 1);
    await time.settle();
    append('b', 2);
    append('c', 5);
    await time.settle();
    expect(heard).toEqual(['b acked']);
    await time.advance(STORE_TIMEOUT_MS);
    append('d', 2);
    await time.settle();
    expect(heard).toEqual(['b acked', 'a failed', 'c failed', 'd acked']);
  });

  test('a message for several queues is acknowledged when all lanes have it, and fails with one of them', async () => {
    store.hang(1);
    append('a', 1, 2, 3);
    await time.advance(STALLED_MS);
    expect(heard).toEqual([]);
    store.release(1);
    await time.settle();
    expect(heard).toEqual(['a acked']);
    store.away.add(3);
    append('b', 1, 2, 3);
    await time.advance(2 * STORE_TIMEOUT_MS);
    expect(heard).toEqual(['a acked', 'b failed']);
    expect(await contents(1)).toEqual(['a', 'b']);
  });

  test('the first lane to give up fails the message at once: nothing later of its publisher may overtake it', async () => {
    store.hang(1);
    append('a', 1);
    await time.settle();
    await time.advance(STORE_TIMEOUT_MS / 2);
    store.hang(2);
    append('b', 1, 2);
    await time.advance(STORE_TIMEOUT_MS / 2);
    expect(heard).toEqual(['a failed', 'b failed']);
    store.release(2);
    await time.settle();
    expect(heard, 'told once').toHaveLength(2);
  });

  test('few calls are under way at a time, and the lane that has waited longest is next', async () => {
    for (const lane of [0, 1, 2, 3]) store.hang(lane);
    append('a', 0);
    append('b', 1);
    append('c', 3);
    append('d', 2);
    await time.settle();
    expect(store.calls).toEqual([0, 1]);
    append('e', 0);
    store.release(0);
    await time.settle();
    expect(store.calls).toEqual([0, 1, 3]);
    store.release(3);
    await time.settle();
    expect(store.calls).toEqual([0, 1, 3, 2]);
  });

  test('calls that hang lose their places to lanes that may do better', async () => {
    store.hang(0);
    store.hang(1);
    append('a', 0);
    append('b', 1);
    append('c', 2);
    await time.settle();
    expect(heard).toEqual([]);
    await time.advance(STALLED_MS);
    expect(heard).toEqual(['c acked']);
    for (let session = 2; session < 40; session += LANES) append('more', session);
    await time.settle();
    expect(heard.filter((each) => each === 'more acked')).toHaveLength(10);
    store.release(0);
    store.release(1);
    await time.settle();
    expect(heard).toContain('a acked');
    expect(heard).toContain('b acked');
  });

  test('a lane that fails pauses without keeping a place, and comes back by itself', async () => {
    store.away.add(0);
    store.away.add(1);
    append('a', 0);
    append('b', 1);
    append('c', 2);
    append('d', 3);
    await time.settle();
    expect(heard).toEqual(['c acked', 'd acked']);
    expect(batcher.retryingLanes).toBe(2);
    expect(batcher.isRetrying, 'the store does answer').toBe(false);
    store.away.clear();
    await time.advance(100);
    expect(heard).toEqual(['c acked', 'd acked', 'a acked', 'b acked']);
    expect(batcher.retryingLanes).toBe(0);
  });

  test('the store is away when no lane is answered', async () => {
    for (const lane of [0, 1, 2, 3]) store.away.add(lane);
    for (const lane of [0, 1, 2, 3]) append('a', lane);
    await time.settle();
    expect(batcher.isRetrying).toBe(true);
    store.away.clear();
    await time.advance(2_000);
    expect(batcher.isRetrying).toBe(false);
  });

  test('a call carries no more entries than the lanes say', async () => {
    for (let index = 0; index < 7; index++) append(String(index), 1);
    await time.settle();
    expect(store.calls).toEqual([1, 1, 1]);
    expect(await contents(1)).toEqual(['0', '1', '2', '3', '4', '5', '6']);
  });

  test('a barrier is passed when every lane has passed it, that of a queue with its lane', async () => {
    store.hang(1);
    append('a', 1);
    append('b', 2);
    void batcher.barrier().then(() => heard.push('all'));
    void batcher.barrier(queueOf(6)).then(() => heard.push('lane 2'));
    await time.settle();
    expect(heard).toEqual(['b acked', 'lane 2']);
    store.release(1);
    await time.settle();
    expect(heard).toEqual(['b acked', 'lane 2', 'a acked', 'all']);
  });

  test('a lane with more than its share names itself to whoever publishes into it, until half of that is gone', async () => {
    store.hang(1);
    const text = 'x'.repeat(30);
    expect(append(text, 1).crowded).toBeUndefined();
    await time.settle();
    append(text, 1);
    append(text, 1);
    const crowding = append(text, 1);
    expect(crowding.crowded?.isCrowded).toBe(true);
    expect(append(text, 2).crowded, 'another lane has room').toBeUndefined();
    store.release(1);
    await time.settle();
    expect(crowding.crowded?.isCrowded).toBe(false);
    expect(batcher.stagedBytes).toBe(0);
  });
});
