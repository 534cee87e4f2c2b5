import { expect, test } from 'vitest';
import { MemoryDurableQueue } from '../../../src/adapters/memory/memory-durable-queue.ts';
import { QueueDepth } from '../../../src/app/queue-depth.ts';
import { watchQueueTotals } from '../../../src/app/queue-total-watch.ts';
import type { Broker } from '../../../src/broker/broker.ts';
import type { TotalQuota } from '../../../src/queue/durable-queue.ts';
import { GENEROUS } from '../../contract/durable-queue-contract.ts';
import { SimulatedTime } from '../../support/simulated-time.ts';

const LIMITED: TotalQuota = { messagesMax: 10, bytesMax: Infinity };

/** A store that has to be walked through, and can be away. */
class Watched {
  readonly time = new SimulatedTime();
  readonly lines: string[] = [];
  walks = 0;
  isAway = false;
  together: TotalQuota | undefined;
  readonly stop: () => void;

  constructor(totalsAreExact = false) {
    const store = new MemoryDurableQueue(GENEROUS);
    const refresh = (): Promise<void> => {
      this.walks++;
      return Promise.resolve();
    };
    const tenants = () => [{ limits: { durableQueue: { ...GENEROUS, together: this.together } } }];
    const problem = (): unknown => (this.isAway ? new Error('away') : undefined);
    this.stop = watchQueueTotals({
      broker: {
        tenants,
        services: { store: { total: store.total.bind(store), totalsAreExact } },
      } as unknown as Broker,
      depth: {
        refresh,
        get problem() {
          return problem();
        },
      },
      timers: this.time,
      logger: { warn: () => this.lines.push('warn'), info: () => this.lines.push('info') } as never,
    });
  }
}

test('queues are counted while a tenant has a quota of all of its together, and only then', async () => {
  const watched = new Watched();
  await watched.time.advance(20_000);
  expect(watched.walks).toBe(0);
  watched.together = LIMITED;
  await watched.time.advance(20_000);
  expect(watched.walks).toBe(4);
  watched.together = undefined;
  await watched.time.advance(20_000);
  expect(watched.walks).toBe(4);
  watched.together = LIMITED;
  watched.stop();
  await watched.time.advance(20_000);
  expect(watched.walks).toBe(4);
});

test('a store that knows what its queues hold is left alone', async () => {
  const watched = new Watched(true);
  watched.together = LIMITED;
  await watched.time.advance(20_000);
  expect(watched.walks).toBe(0);
});

test('that they cannot be counted is said once, and that they are again', async () => {
  const watched = new Watched();
  watched.together = LIMITED;
  watched.isAway = true;
  await watched.time.advance(30_000);
  watched.isAway = false;
  await watched.time.advance(30_000);
  expect(watched.lines).toEqual(['warn', 'info']);
  watched.stop();
});

test('a count that fails leaves the numbers as they were, and says why', async () => {
  const store = new MemoryDurableQueue(GENEROUS);
  const depth = new QueueDepth(store);
  await depth.refresh();
  expect(depth.problem).toBeUndefined();
  await store.close();
  const closed = new QueueDepth(store);
  await closed.refresh();
  expect(closed.problem).toMatchObject({ message: expect.stringContaining('closed') as string });
});
