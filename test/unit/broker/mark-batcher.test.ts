import { beforeEach, describe, expect, test } from 'vitest';
import { MemoryDurableQueue } from '../../../src/adapters/memory/memory-durable-queue.ts';
import { MarkBatcher } from '../../../src/broker/mark-batcher.ts';
import { queueKey, type QueueKey, type Seq } from '../../../src/queue/durable-queue.ts';
import { DEFAULT_TENANT, type SessionId } from '../../../src/tenancy/identity.ts';
import { SimulatedTime } from '../../support/simulated-time.ts';

const queueOf = (session: number): QueueKey => queueKey(DEFAULT_TENANT, session as SessionId, 'pending');
const QUEUE = queueOf(1);
const OTHER = queueOf(2);

/** Answers its calls when the test says so. */
class AnsweringStore extends MemoryDurableQueue {
  readonly calls: { readonly queue: QueueKey; readonly seqs: readonly Seq[] }[] = [];
  readonly #answers: ((error?: Error) => void)[] = [];

  override mark(queue: QueueKey, seqs: readonly Seq[]): Promise<void> {
    this.calls.push({ queue, seqs: [...seqs] });
    return new Promise((resolve, reject) => {
      this.#answers.push((error) => {
        if (error === undefined) resolve();
        else reject(error);
      });
    });
  }

  /** The call at that place. */
  answer(call: number, error?: Error): void {
    this.#answers[call]?.(error);
  }
}

describe('marks', () => {
  const time = new SimulatedTime();
  let store: AnsweringStore;
  let marks: MarkBatcher;
  let told: string[];

  beforeEach(() => {
    store = new AnsweringStore({ messagesMax: 10, bytesMax: 10_000, policy: 'reject' });
    marks = new MarkBatcher(store, time);
    told = [];
  });

  function mark(seq: number, queue = QUEUE): void {
    marks.mark(queue, seq as Seq, (error) => told.push(`${seq} ${error === undefined ? 'durable' : 'not'}`));
  }

  test('of one turn go out in one call per queue', async () => {
    mark(1);
    mark(2);
    mark(7, OTHER);
    await time.settle();
    expect(store.calls).toEqual([
      { queue: QUEUE, seqs: [1, 2] },
      { queue: OTHER, seqs: [7] },
    ]);
    expect(told).toEqual([]);
    store.answer(0);
    await time.settle();
    expect(told).toEqual(['1 durable', '2 durable']);
  });

  test('of a queue are recorded one call after the other, however fast the store is [3.1.1 MQTT-4.6.0-4]', async () => {
    mark(1);
    await time.settle();
    mark(2);
    mark(7, OTHER);
    await time.settle();
    mark(3);
    await time.settle();
    expect(store.calls.map(({ seqs }) => seqs)).toEqual([[1], [7]]);
    store.answer(1);
    store.answer(0);
    await time.settle();
    expect(store.calls.at(-1)).toEqual({ queue: QUEUE, seqs: [2, 3] });
    store.answer(2);
    await time.settle();
    expect(told).toEqual(['7 durable', '1 durable', '2 durable', '3 durable']);
  });

  test('that came after one that failed fail with it, and what comes then is tried again', async () => {
    mark(1);
    await time.settle();
    mark(2);
    store.answer(0, new Error('away'));
    await time.settle();
    expect(told).toEqual(['1 not', '2 not']);
    expect(store.calls).toHaveLength(1);
    mark(1);
    await time.settle();
    store.answer(1);
    await time.settle();
    expect(told.at(-1)).toBe('1 durable');
  });
});
