/**
 * Random histories of a durable queue store against a model that could not be simpler. A failure prints its seed, which
 * `vitest -t 'seed 7$'` runs again.
 */
import { describe, expect, test } from 'vitest';
import type {
  AppendEntry,
  DurableQueueStore,
  QueueKey,
  QueueQuota,
  Seq,
} from '../../src/queue/durable-queue.ts';
import { messageBytes } from '../../src/queue/message.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { EVERYTHING, GENEROUS, messageOf, queuedOf, queueOf, textOf } from './durable-queue-contract.ts';
import type { DurableQueueHarness } from './durable-queue-contract.ts';

const STEPS = 120;
const POLICIES: readonly QueueQuota['policy'][] = ['reject', 'drop-oldest', 'drop-newest'];

interface ModelEntry {
  readonly seq: number;
  readonly text: string;
  readonly bytes: number;
  readonly expiresAtMs: number | undefined;
  marked: boolean;
}

class ModelQueue {
  next = 1;
  quota: QueueQuota = GENEROUS;
  entries: ModelEntry[] = [];

  get bytes(): number {
    return this.entries.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Returns the status and position that the store has to answer with. */
  append(text: string, bytes: number, expiresAtMs: number | undefined): { status: string; seq: number } {
    const fits = (): boolean =>
      this.entries.length < this.quota.messagesMax && this.bytes + bytes <= this.quota.bytesMax;
    const everFits = this.quota.messagesMax > 0 && bytes <= this.quota.bytesMax;
    if (!fits()) {
      if (this.quota.policy === 'reject') return { status: 'rejected', seq: 0 };
      if (this.quota.policy === 'drop-newest' || !everFits) return { status: 'dropped', seq: 0 };
      while (!fits()) this.entries.shift();
    }
    this.entries.push({ seq: this.next, text, bytes, expiresAtMs, marked: false });
    return { status: 'stored', seq: this.next++ };
  }
}

/** One history: applies each operation to store and model, waits for it, and compares now and then. */
class History {
  readonly #harness: DurableQueueHarness;
  readonly #random: () => number;
  readonly #queues = Array.from({ length: 4 }, (_, index) => queueOf(index + 1));
  readonly #model = new Map<string, ModelQueue>();
  #store: DurableQueueStore | undefined;
  #sequence = 0;
  #nowMs = 1_700_000_000_000;

  constructor(harness: DurableQueueHarness, random: () => number) {
    this.#harness = harness;
    this.#random = random;
  }

  async run(): Promise<void> {
    await this.#open();
    for (let step = 0; step < STEPS; step++) {
      await this.#step(this.#below(100));
      if (this.#below(8) === 0) await this.#compare();
    }
    await this.#compare();
    await this.#opened().close();
  }

  async #step(dice: number): Promise<void> {
    const queue = this.#queues[this.#below(this.#queues.length)] ?? queueOf(1);
    if (dice < 55) return this.#append();
    if (dice < 70) return this.#trim(queue);
    if (dice < 77) return this.#mark(queue);
    if (dice < 80) return this.#drop(queue);
    if (dice < 85) return this.#setQuota(queue);
    if (dice < 90) return this.#sweep();
    return this.#crash(dice);
  }

  async #append(): Promise<void> {
    const batch: AppendEntry[] = [];
    const expected: { status: string; seq: number }[] = [];
    for (let left = 1 + this.#below(6); left > 0; left--) {
      const expiresAtMs = this.#below(3) === 0 ? this.#nowMs + 1000 * (1 + this.#below(200)) : undefined;
      const text = `${++this.#sequence}`.padEnd(this.#below(20) === 0 ? 3000 : this.#below(60), '.');
      const message = messageOf(text, expiresAtMs);
      for (let copies = 1 + this.#below(3); copies > 0; copies--) {
        const queue = this.#queues[this.#below(this.#queues.length)] ?? queueOf(1);
        batch.push({ queue, producer: 'broker#1', sequence: ++this.#sequence, queued: queuedOf(message) });
        expected.push(this.#modelOf(queue).append(text, messageBytes(message), expiresAtMs));
      }
    }
    const results = await this.#opened().append(batch);
    expect(results.map(({ status, seq }) => ({ status, seq }))).toEqual(expected);
  }

  async #trim(queue: QueueKey): Promise<void> {
    const model = this.#modelOf(queue);
    const through = Math.max(0, model.next - this.#below(12));
    await this.#opened().trim([{ queue, through: through as Seq }]);
    model.entries = model.entries.filter(({ seq }) => seq > through);
  }

  async #mark(queue: QueueKey): Promise<void> {
    const model = this.#modelOf(queue);
    const seq = Math.max(1, model.next - this.#below(10));
    await this.#opened().mark(queue, [seq as Seq]);
    for (const entry of model.entries) entry.marked ||= entry.seq === seq;
  }

  async #drop(queue: QueueKey): Promise<void> {
    await this.#opened().drop(queue);
    this.#model.delete(queue.text);
  }

  async #setQuota(queue: QueueKey): Promise<void> {
    const policy = POLICIES[this.#below(3)] ?? 'reject';
    const quota = { messagesMax: this.#below(30), bytesMax: this.#below(4000), policy };
    const change = this.#below(3) === 0 ? undefined : quota;
    await this.#opened().setQuota(queue, change);
    this.#modelOf(queue).quota = change ?? GENEROUS;
  }

  async #sweep(): Promise<void> {
    this.#nowMs += 1000 * this.#below(100);
    let swept = 0;
    for (let more = -1; more !== 0; swept += more) more = await this.#opened().sweepExpired(this.#nowMs + 1);
    let expected = 0;
    for (const model of this.#model.values()) {
      const left = model.entries.filter(
        ({ expiresAtMs }) => expiresAtMs === undefined || expiresAtMs > this.#nowMs,
      );
      expected += model.entries.length - left.length;
      model.entries = left;
    }
    expect(swept).toBe(expected);
  }

  async #crash(dice: number): Promise<void> {
    if (!this.#harness.survives) return;
    if (dice < 93) await this.#opened().close();
    else if (dice < 96) this.#harness.kill?.();
    else this.#harness.cutPower?.();
    await this.#open();
    await this.#compare();
  }

  async #compare(): Promise<void> {
    for (const queue of this.#queues) {
      const model = this.#modelOf(queue);
      const entries = await this.#opened().read(queue, 1 as Seq, EVERYTHING);
      expect(entries.map((entry) => ({ seq: entry.seq, text: textOf(entry), marked: entry.marked }))).toEqual(
        model.entries.map(({ seq, text, marked }) => ({ seq, text, marked })),
      );
      const min = model.entries[0]?.seq ?? model.next;
      const expected = { min, next: model.next, messages: model.entries.length, bytes: model.bytes };
      expect(await this.#opened().bounds(queue)).toEqual(expected);
    }
    const { tenant } = queueOf(1);
    const total = { messages: 0, bytes: 0 };
    for await (const part of this.#opened().list()) {
      for (const each of part) {
        if (each.queue.tenant !== tenant) continue;
        total.messages += each.messages;
        total.bytes += each.bytes;
      }
    }
    expect(this.#opened().total(tenant)).toEqual(total);
  }

  async #open(): Promise<void> {
    this.#store = await this.#harness.open({ defaultQuota: GENEROUS, nowMs: () => this.#nowMs });
  }

  #opened(): DurableQueueStore {
    if (this.#store === undefined) throw new Error('the store is not open');
    return this.#store;
  }

  #modelOf(queue: QueueKey): ModelQueue {
    let model = this.#model.get(queue.text);
    if (model === undefined) {
      model = new ModelQueue();
      this.#model.set(queue.text, model);
    }
    return model;
  }

  #below(bound: number): number {
    return Math.floor(this.#random() * bound);
  }
}

export function describeQueueModel(
  makeHarness: (random: () => number) => DurableQueueHarness,
  histories: number,
): void {
  const seeds = Array.from({ length: histories }, (_, index) => index + 1);
  describe('random histories agree with the model', () => {
    test.each(seeds)('seed %i', async (seed) => {
      const random = seededRandom(seed);
      await new History(makeHarness(random), random).run();
    });
  });
}
