/**
 * Appends at the level of the store: calls of a fixed number of messages, spread over the queues of one lane, one call under
 * way per lane and as many lanes at a time as the store allows. As fast as the store answers.
 */
import type { AppendEntry, DurableQueueStore, QueueKey } from '../../../src/queue/durable-queue.ts';
import { benchMessage, preciseNowMs } from './bench-message.ts';
import type { LoadWindow } from './load-window.ts';

const PRODUCER = 'bench#1';

export async function appendInCalls(
  store: DurableQueueStore,
  queues: readonly QueueKey[],
  messagesPerCall: number,
  window: LoadWindow,
): Promise<void> {
  const lanes = lanesOf(store, queues);
  const callers = Math.min(store.lanes.callsMax, lanes.length);
  let sequence = 0;
  const callInTurn = async (caller: number): Promise<void> => {
    const own = lanes.filter((_, index) => index % callers === caller);
    for (let turn = 0; !window.isOver; turn++) {
      const lane = own[turn % own.length];
      if (lane === undefined) return;
      const startedAtMs = preciseNowMs();
      const entries = Array.from({ length: messagesPerCall }, (): AppendEntry => {
        const queued = benchMessage(startedAtMs);
        return { queue: lane.nextQueue(), producer: PRODUCER, sequence: ++sequence, queued };
      });
      await store.append(entries);
      window.count(messagesPerCall, preciseNowMs() - startedAtMs);
    }
  };
  await Promise.all(Array.from({ length: callers }, (_, caller) => callInTurn(caller)));
}

class LaneQueues {
  readonly #queues: QueueKey[] = [];
  #next = 0;

  add(queue: QueueKey): void {
    this.#queues.push(queue);
  }

  nextQueue(): QueueKey {
    const queue = this.#queues[this.#next++ % this.#queues.length];
    if (queue === undefined) throw new Error('a lane without queues');
    return queue;
  }
}

/** Lanes that have a queue. */
function lanesOf(store: DurableQueueStore, queues: readonly QueueKey[]): readonly LaneQueues[] {
  const lanes = new Map<number, LaneQueues>();
  for (const queue of queues) {
    const lane = store.lanes.laneOf(queue);
    const known = lanes.get(lane) ?? new LaneQueues();
    lanes.set(lane, known);
    known.add(queue);
  }
  return [...lanes.values()];
}
