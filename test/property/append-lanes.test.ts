/**
 * Publishers, barriers and a store whose lanes fail, hang and lose answers, in any interleaving: what the append
 * batcher promises about order, about acknowledgements and about the lanes that are well.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MemoryDurableQueue } from '../../src/adapters/memory/memory-durable-queue.ts';
import { AppendBatcher } from '../../src/broker/append-batcher.ts';
import { PublishTicket } from '../../src/broker/publish-ticket.ts';
import { Counters } from '../../src/metrics/counters.ts';
import type { AppendEntry, AppendLanes, AppendResult, QueueKey, Seq } from '../../src/queue/durable-queue.ts';
import { queueKey } from '../../src/queue/durable-queue.ts';
import { DEFAULT_TENANT, incarnation, type SessionId } from '../../src/tenancy/identity.ts';
import { messageTo, queued } from '../support/simulated-message.ts';
import { SimulatedTime } from '../support/simulated-time.ts';

const LANES = 3;
const QUEUES = 6;
const CALLS_MAX = 2;
const STORE_TIMEOUT_MS = 1_000;
/** A healthy call, with the wait for places that sick lanes hold. */
const HEALTHY_MS = 800;

type Fate = 'ok' | 'lost' | 'applied' | 'slow';
type Step =
  | { readonly do: 'publish'; readonly queues: readonly number[] }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'barrier'; readonly queue: number | undefined };

const fate = fc.constantFrom<Fate>('ok', 'ok', 'lost', 'applied', 'slow');
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('publish' as const),
      queues: fc.uniqueArray(fc.nat(QUEUES - 1), { minLength: 1, maxLength: 3 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(400) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('barrier' as const),
      queue: fc.option(fc.nat(QUEUES - 1), { nil: undefined }),
    }),
  },
);

const queueOf = (index: number): QueueKey => queueKey(DEFAULT_TENANT, index as SessionId, 'pending');
const laneOf = ({ sessionId }: QueueKey): number => sessionId % LANES;

/** Lane 0 is always well; the others draw the fate of each call. */
class FatefulStore extends MemoryDurableQueue {
  override readonly lanes: AppendLanes = {
    count: LANES,
    laneOf,
    callsMax: CALLS_MAX,
    entriesMax: 4,
    bytesMax: 1_000,
  };
  readonly #time: SimulatedTime;
  readonly #fates: Fate[];
  readonly #busy = new Set<number>();

  constructor(time: SimulatedTime, fates: readonly Fate[]) {
    super({ messagesMax: 1_000, bytesMax: 1_000_000, policy: 'reject' });
    this.#time = time;
    this.#fates = [...fates];
  }

  override async append(batch: readonly AppendEntry[]): Promise<readonly AppendResult[]> {
    const [lane = 0, ...others] = new Set(batch.map(({ queue }) => laneOf(queue)));
    expect(others, 'a call is for one lane').toEqual([]);
    expect(this.#busy.has(lane), 'one call under way per lane').toBe(false);
    this.#busy.add(lane);
    try {
      return await this.#decide(lane === 0 ? 'ok' : (this.#fates.shift() ?? 'ok'), batch);
    } finally {
      this.#busy.delete(lane);
    }
  }

  async #decide(fate: Fate, batch: readonly AppendEntry[]): Promise<readonly AppendResult[]> {
    await this.#time.sleep(fate === 'slow' ? 1_500 : 5);
    if (fate === 'lost') throw new Error('lost');
    const results = await super.append(batch);
    if (fate === 'applied') throw new Error('applied, but the answer was lost');
    return results;
  }
}

interface Publish {
  readonly text: string;
  readonly queues: readonly number[];
  readonly atMs: number;
  settledAtMs: number | undefined;
  failed: boolean;
}

async function run(steps: readonly Step[], fates: readonly Fate[]): Promise<void> {
  const time = new SimulatedTime();
  const store = new FatefulStore(time, fates);
  const batcher = new AppendBatcher({
    store,
    incarnation: incarnation('test', 1),
    timers: time,
    storeTimeoutMs: STORE_TIMEOUT_MS,
    bytesHigh: 1_000_000,
    onStoreError: () => undefined,
    onSettled: () => undefined,
  });
  const receiver = { counters: new Counters(), appended: () => undefined, reached: () => undefined };
  const publishes: Publish[] = [];
  const pendingBarriers = new Set<Step>();

  function publish(queues: readonly number[]): void {
    const made: Publish = {
      text: String(publishes.length),
      queues,
      atMs: time.nowMs(),
      settledAtMs: undefined,
      failed: false,
    };
    const publishSettled = ({ failed }: PublishTicket): void => {
      expect(made.settledAtMs, 'a ticket settles once').toBeUndefined();
      made.settledAtMs = time.nowMs();
      made.failed = failed;
    };
    const ticket = new PublishTicket({ publishSettled }, 0, time.nowMs());
    const message = queued(messageTo('t', made.text));
    for (const queue of queues) {
      batcher.append({ queue: queueOf(queue), queued: message, receiver, ticket, origin: undefined });
    }
    ticket.settle();
    publishes.push(made);
  }

  function raise(barrier: Step & { readonly do: 'barrier' }): void {
    const { queue } = barrier;
    const waitsFor = publishes.filter(({ queues }) => queue === undefined || queues.includes(queue));
    const onlyThat = waitsFor.filter(({ queues }) => queue === undefined || queues.length === 1);
    pendingBarriers.add(barrier);
    void batcher.barrier(queue === undefined ? undefined : queueOf(queue)).then(() => {
      pendingBarriers.delete(barrier);
      for (const { settledAtMs } of onlyThat) expect(settledAtMs).toBeDefined();
    });
  }

  for (const each of steps) {
    if (each.do === 'publish') publish(each.queues);
    else if (each.do === 'wait') await time.advance(each.ms);
    else raise(each);
  }
  await time.advance(60_000);

  expect(batcher.stagedBytes).toBe(0);
  expect(pendingBarriers.size, 'every barrier is passed').toBe(0);
  const stored = new Map<number, string[]>();
  for (let index = 0; index < QUEUES; index++) {
    const entries = await store.read(queueOf(index), 1 as Seq, { messagesMax: 10_000, bytesMax: 1 << 30 });
    const texts = entries.map((entry) => entry.queued.message.payload.toString());
    expect(texts, 'in order, and none twice').toEqual(
      [...new Set(texts)].sort((a, b) => Number(a) - Number(b)),
    );
    stored.set(index, texts);
  }
  for (const { text, queues, atMs, settledAtMs = Infinity, failed } of publishes) {
    if (!failed) for (const queue of queues) expect(stored.get(queue)).toContain(text);
    if (queues.every((queue) => laneOf(queueOf(queue)) === 0)) {
      expect(failed, 'a lane that is well fails nobody').toBe(false);
      expect(settledAtMs - atMs, 'nor does it keep anybody waiting').toBeLessThan(HEALTHY_MS);
    }
  }
}

describe('append batcher over lanes', () => {
  test('order, acknowledgements, barriers and healthy lanes, in any interleaving', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 40 }),
        fc.array(fate, { maxLength: 40 }),
        run,
      ),
      { numRuns: 150 },
    );
  }, 60_000);
});
