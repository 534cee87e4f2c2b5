/**
 * Appends the way a broker makes them: publishers stage messages all the time, the broker's own batcher gathers them in lanes.
 * Messages are due on a schedule that does not wait for the store; latency counts from when a message was due until its ticket
 * is settled, which is when PUBACK leaves.
 */
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import type { AppendReceiver } from '../../../src/broker/append-batch.ts';
import { AppendBatcher } from '../../../src/broker/append-batcher.ts';
import { PublishTicket, type TicketOwner } from '../../../src/broker/publish-ticket.ts';
import { Counters } from '../../../src/metrics/counters.ts';
import type { DurableQueueStore, QueueKey } from '../../../src/queue/durable-queue.ts';
import type { Incarnation } from '../../../src/tenancy/identity.ts';
import { SystemTimers } from '../../../src/transport/system-time.ts';
import { benchMessage, preciseNowMs } from './bench-message.ts';
import { LateTrims } from './late-trims.ts';
import type { PublishersLoad } from './load-plan.ts';
import type { LoadWindow } from './load-window.ts';

/** A quarter of what a broker holds by default before it stops its publishers. */
const STAGED_BYTES_MAX = 16 * 1024 * 1024;
const STORE_TIMEOUT_MS = 60_000;
/** Socket reads come in bursts: as many messages as are due are staged at once, but the store's answers get their turn. */
const BURST_MAX = 256;
/** Prime, so that messages in a row go to queues far apart. */
const QUEUE_STRIDE = 7919;

export async function publish(
  store: DurableQueueStore,
  queues: readonly QueueKey[],
  { ratePerSecond, trimAfterMs }: Pick<PublishersLoad, 'ratePerSecond' | 'trimAfterMs'>,
  window: LoadWindow,
): Promise<void> {
  const trims = trimAfterMs === undefined ? undefined : new LateTrims(store, trimAfterMs);
  const counters = new Counters();
  const receivers = queues.map((queue): AppendReceiver => ({
    counters,
    appended: (seq) => trims?.appended(queue, seq),
    reached: (seq) => trims?.appended(queue, seq),
  }));
  const owner: TicketOwner = {
    publishSettled: ({ startedAtMs, failed }) => {
      if (failed) throw new Error(`HBase gave no answer for ${STORE_TIMEOUT_MS} ms`);
      window.count(1, preciseNowMs() - startedAtMs);
    },
  };
  const batcher = new AppendBatcher({
    store,
    incarnation: 'bench#1' as Incarnation,
    timers: new SystemTimers(),
    storeTimeoutMs: STORE_TIMEOUT_MS,
    bytesHigh: STAGED_BYTES_MAX,
    onStoreError: (error) => console.error(error),
    onSettled: () => undefined,
  });
  const stage = (message: number, dueMs: number): void => {
    const index = (message * QUEUE_STRIDE) % queues.length;
    const queue = queues[index];
    const receiver = receivers[index];
    if (queue === undefined || receiver === undefined) throw new Error('no queues to publish to');
    const ticket = new PublishTicket(owner, message, dueMs);
    batcher.append({ queue, queued: benchMessage(dueMs), receiver, ticket, origin: undefined });
    ticket.settle();
  };
  const startMs = preciseNowMs();
  for (let staged = 0; !window.isOver;) {
    const nowMs = preciseNowMs();
    const due = ratePerSecond === undefined ? Infinity : ((nowMs - startMs) * ratePerSecond) / 1000;
    const end = Math.min(due, staged + BURST_MAX);
    const before = staged;
    trims?.run();
    while (staged < end && batcher.stagedBytes < STAGED_BYTES_MAX) {
      stage(staged, ratePerSecond === undefined ? nowMs : startMs + (staged * 1000) / ratePerSecond);
      staged++;
    }
    await (staged - before < BURST_MAX ? delay(1) : nextTurn());
  }
  await batcher.barrier();
  await trims?.settled();
}
