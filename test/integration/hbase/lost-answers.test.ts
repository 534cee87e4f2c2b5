/**
 * Appends that HBase applied but whose answer never came: the caller repeats them, and every message is in its queue
 * once, in order. The server is real; what is lost is lost between it and the store.
 */
import { afterEach, beforeEach, describe, expect, inject, it, vi } from 'vitest';
import { HBaseError } from '../../../src/adapters/hbase/client/hbase-error.ts';
import type { HBaseClient } from '../../../src/adapters/hbase/client/hbase-client.ts';
import { openHBaseQueueStore } from '../../../src/adapters/hbase/queue/hbase-queue-store.ts';
import { StoreUnavailableError } from '../../../src/errors/store-unavailable-error.ts';
import type { AppendEntry, AppendResult, DurableQueueStore, Seq } from '../../../src/queue/durable-queue.ts';
import { SeededRandom } from '../../../src/fleet/seeded-random.ts';
import { EntryMaker, EVERYTHING, GENEROUS, queueOf, textOf } from '../../contract/durable-queue-contract.ts';
import { connectHBase, makeQueueTable } from '../../support/hbase-queues.ts';

const SEED = 20_241_122;
const QUEUES = 24;
const ROUNDS = 20;
/** Of ten answers. */
const LOST = 6;

let client: HBaseClient;
let store: DurableQueueStore;
let lost = 0;

beforeEach(async () => {
  client = await connectHBase(inject('zookeeperQuorum'));
  const table = await makeQueueTable(client, 'lost_answers');
  store = await openHBaseQueueStore({ client, table, defaultQuota: GENEROUS, nowMs: () => Date.now() });
});
afterEach(async () => {
  await store.close();
  client.close();
});

function loseAnswers(random: SeededRandom): void {
  const exec = client.exec.bind(client);
  vi.spyOn(client, 'exec').mockImplementation(async (call) => {
    const answer = await exec(call);
    if (call.method !== 'Append' || random.between(0, 9) >= LOST) return answer;
    lost++;
    throw new HBaseError('DEADLINE_EXCEEDED', 'the answer was lost', { table: call.table });
  });
}

async function appendUntilAnswered(batch: readonly AppendEntry[]): Promise<readonly AppendResult[]> {
  for (;;) {
    try {
      return await store.append(batch);
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
    }
  }
}

describe(`answers that are lost (seed ${SEED})`, () => {
  it('leave every message in its queue once, in order', async () => {
    const random = new SeededRandom(SEED);
    const make = new EntryMaker();
    const queues = Array.from({ length: QUEUES }, (_, index) => queueOf(index + 1));
    loseAnswers(random);
    let repeats = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const batches = queues.map((queue) => [make.entry(queue, `${round}a`), make.entry(queue, `${round}b`)]);
      const results = (await Promise.all(batches.map(appendUntilAnswered))).flat();
      repeats += results.filter(({ status }) => status === 'repeat').length;
      expect(results.every(({ status }) => status === 'stored' || status === 'repeat')).toBe(true);
    }
    const expected = Array.from({ length: ROUNDS }, (_, round) => [`${round}a`, `${round}b`]).flat();
    for (const queue of queues) {
      const entries = await store.read(queue, 1 as Seq, EVERYTHING);
      expect(entries.map(textOf)).toEqual(expected);
      expect(entries.map(({ seq }) => seq)).toEqual(expected.map((_, index) => index + 1));
    }
    expect(lost).toBeGreaterThan(ROUNDS);
    expect(repeats).toBeGreaterThan(ROUNDS);
  });
});
