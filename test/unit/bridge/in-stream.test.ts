/** What becomes of a stream's entries when the store is away, a queue is full, or the bus fails; with a bus that does as it is told. */
import { describe, expect, it } from 'vitest';
import { MemoryDurableQueue } from '../../../src/adapters/memory/memory-durable-queue.ts';
import { configSchema } from '../../../src/app/config-schema.ts';
import type { InStreamRule } from '../../../src/bridge/bridge-rule.ts';
import type { BridgeBus, RejectedEntry, StreamEntry, StreamGroup } from '../../../src/bridge/bus.ts';
import { InStream } from '../../../src/bridge/in-stream.ts';
import { RuleCounters } from '../../../src/bridge/rule-counters.ts';
import type { BrokerLimits } from '../../../src/broker/limits.ts';
import { StoreUnavailableError } from '../../../src/errors/store-unavailable-error.ts';
import type { AppendEntry } from '../../../src/queue/durable-queue.ts';
import { DEFAULT_TENANT } from '../../../src/tenancy/identity.ts';
import { eventually } from '../../support/eventually.ts';
import { startMemoryBroker } from '../../support/memory-broker.ts';
import { RawClient } from '../../support/raw-client.ts';

const RULE: InStreamRule = {
  kind: 'inStream',
  name: 'in',
  tenant: DEFAULT_TENANT,
  filter: 'cmd/#',
  format: 'json',
  stream: 's',
  group: 'g',
  topic: undefined,
  qos: 1,
  retain: false,
};

class ScriptedGroup implements StreamGroup {
  readonly settled: string[] = [];
  readonly rejected: RejectedEntry[] = [];
  askedForUnsettled = 0;
  /** Times that settling fails before it is done. */
  failures = 0;
  readonly #waiting: StreamEntry[] = [];
  #handedOut: StreamEntry[] = [];
  #wake: (() => void) | undefined;

  add(...payloads: readonly string[]): void {
    for (const payload of payloads)
      this.#waiting.push({
        id: payload,
        fields: new Map([['message', Buffer.from(JSON.stringify({ topic: 'cmd/7', payload }))]]),
      });
    this.#wake?.();
  }

  /** As a stream that was trimmed. */
  lose(id: string): void {
    this.#handedOut.push({ id, fields: undefined });
  }

  create = () => Promise.resolve();
  claim = () => Promise.resolve({ claimed: 0, left: 0 });
  lag = () => Promise.resolve(undefined);

  unsettled(): Promise<readonly StreamEntry[]> {
    this.askedForUnsettled++;
    return Promise.resolve([...this.#handedOut]);
  }

  async next(): Promise<readonly StreamEntry[]> {
    if (this.#waiting.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve));
    const entries = this.#waiting.splice(0);
    this.#handedOut.push(...entries);
    return entries;
  }

  settle(ids: readonly string[], rejected: readonly RejectedEntry[]): Promise<void> {
    if (this.failures-- > 0) return Promise.reject(new Error('the bus is away'));
    const done = new Set([...ids, ...rejected.map(({ entry }) => entry.id)]);
    this.#handedOut = this.#handedOut.filter(({ id }) => !done.has(id));
    this.settled.push(...ids);
    this.rejected.push(...rejected);
    return Promise.resolve();
  }

  close(): void {
    this.#wake?.();
  }
}

/** Away for the messages that say so, as often as they say. */
class FaultyStore extends MemoryDurableQueue {
  readonly #faults = new Map([['away', Infinity]]);

  comeBack(): void {
    this.#faults.clear();
  }

  override append(batch: readonly AppendEntry[]) {
    const isAway = batch.some(({ queued }) => this.#faults.has(queued.message.payload.toString()));
    return isAway
      ? Promise.reject(new StoreUnavailableError('durable queue', 'it is away'))
      : super.append(batch);
  }
}

async function served(
  group: ScriptedGroup,
  act: (parts: {
    readonly store: FaultyStore;
    readonly counters: RuleCounters;
    readonly subscriber: RawClient;
  }) => Promise<void>,
  changes: Partial<BrokerLimits> = {},
): Promise<void> {
  const limits = { ...configSchema.parse({}).limits, storeTimeoutMs: 300, ...changes };
  const store = new FaultyStore(limits.durableQueue);
  const started = await startMemoryBroker({ limits, store });
  const { broker, port } = started;
  const tenantBroker = broker.tenant(DEFAULT_TENANT);
  if (tenantBroker === undefined) throw new Error('no tenant');
  const session = { clean: false, properties: { sessionExpiryInterval: 60 } };
  const { client: subscriber } = await RawClient.connect({ transport: 'tcp', port, level: 5 }, session);
  subscriber.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'cmd/#', qos: 1 }] });
  await subscriber.expect('suback');
  const counters = new RuleCounters();
  const bus = { group: () => group } as unknown as BridgeBus;
  const run = new InStream(RULE, { broker, tenantBroker, bus, counters }, 'one');
  try {
    await act({ store, counters, subscriber });
  } finally {
    await run.stop();
    subscriber.destroy();
    await broker.stop();
    await started.close();
  }
}

describe('entries of a stream', () => {
  it('are not settled while the store is away, and are published when it is back', async () => {
    const group = new ScriptedGroup();
    group.add('away');
    await served(group, async ({ store, counters, subscriber }) => {
      // It has been given up at least once, and asked for again.
      await eventually(() => {
        expect(group.askedForUnsettled).toBeGreaterThan(1);
      });
      expect([group.settled, group.rejected]).toEqual([[], []]);
      store.comeBack();
      expect((await subscriber.expect('publish')).payload.toString()).toBe('away');
      await eventually(() => {
        expect(group.settled).toEqual(['away']);
      });
      expect(counters).toMatchObject({ messages: 1, rejected: 0 });
    });
  });

  it('are published again when they could not be settled', async () => {
    const group = new ScriptedGroup();
    group.failures = 1;
    group.add('1', '2');
    await served(group, async ({ counters, subscriber }) => {
      await eventually(() => {
        expect(group.settled).toEqual(['1', '2']);
      });
      const payloads: string[] = [];
      for (let index = 0; index < 4; index++)
        payloads.push((await subscriber.expect('publish')).payload.toString());
      expect(payloads).toEqual(['1', '2', '1', '2']);
      expect(counters.messages).toBe(2);
    });
  });

  it('that a queue has no room for are laid aside with the reason', async () => {
    const group = new ScriptedGroup();
    group.add('1', '2');
    await served(
      group,
      async () => {
        await eventually(() => {
          expect(group.settled).toEqual(['1']);
          expect(group.rejected).toMatchObject([{ entry: { id: '2' }, reason: 'quotaExceeded' }]);
        });
      },
      { durableQueue: { messagesMax: 1, bytesMax: 1024, policy: 'reject' } },
    );
  });

  it('that the stream has lost are counted and done with', async () => {
    const group = new ScriptedGroup();
    group.lose('gone');
    await served(group, async ({ counters }) => {
      await eventually(() => {
        expect(group.settled).toEqual(['gone']);
      });
      expect(counters).toMatchObject({ messages: 0, dropped: 1 });
    });
  });
});
