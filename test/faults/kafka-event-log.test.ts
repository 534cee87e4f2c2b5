/**
 * The log on Kafka while Kafka's brokers die, stop and come back: what was acknowledged is there once and in order, what was
 * rejected is there at most once and overtakes nothing, followers miss nothing, and it all goes on by itself. Times are printed.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { KafkaEngine } from '../../engines/kafka/kafka-engine.ts';
import type { ServerProcess } from '../../engines/server-process.ts';
import { openKafkaEventLog } from '../../src/adapters/kafka/event-log/kafka-event-log.ts';
import type { KafkaEventLog } from '../../src/adapters/kafka/event-log/kafka-event-log.ts';
import { StoreUnavailableError } from '../../src/errors/store-unavailable-error.ts';
import type { LogEntry } from '../../src/event-log/event-log.ts';
import { readAll, record } from '../contract/event-log-contract.ts';
import { createTopic, withAdmin } from '../support/kafka-topic.ts';

const PARTITIONS = 6;
const CLIENTS = 60;
/** Twice the deadline of an append. A whole broker is without Kafka for thirty seconds in cluster.test.ts. */
const AWAY_MS = 8_000;
/** For appends to be acknowledged again after the worst of the faults, on a busy machine. */
const FURTHER_MS_MAX = 120_000;

let kafka: KafkaEngine;
let topic: string;

beforeAll(async () => {
  kafka = await KafkaEngine.start({ brokers: 3 });
  const configuration = { 'min.insync.replicas': '2' };
  ({ name: topic } = await createTopic(kafka.addresses, {
    partitions: PARTITIONS,
    replicationFactor: 3,
    configuration,
  }));
});

afterAll(async () => {
  await kafka.stop();
});

/** Clients that each append one number after the other, and what became of every one. */
class Workload {
  readonly acknowledged = new Map<string, number[]>();
  readonly rejections: unknown[] = [];
  slowestMs = 0;
  readonly #log: KafkaEventLog;
  readonly #name: string;
  #running = true;
  readonly #clients: Promise<void>[];

  constructor(log: KafkaEventLog, name: string) {
    this.#log = log;
    this.#name = name;
    this.#clients = Array.from({ length: CLIENTS }, (_, client) => this.#run(`${name}-${client}`));
  }

  get count(): number {
    return [...this.acknowledged.values()].reduce((sum, list) => sum + list.length, 0);
  }

  async stop(): Promise<void> {
    this.#running = false;
    await Promise.all(this.#clients);
  }

  /** Resolves when so many more have been acknowledged. */
  async further(count: number): Promise<void> {
    const wanted = this.count + count;
    await expect
      .poll(() => this.count, { timeout: FURTHER_MS_MAX, interval: 20 })
      .toBeGreaterThanOrEqual(wanted);
  }

  /** Each acknowledged number once, and all numbers of a client rising, whoever tells. */
  assertKept(entries: readonly LogEntry[]): void {
    const found = new Map<string, number[]>();
    for (const { key, value } of entries) {
      if (!key.startsWith(`${this.#name}-`)) continue;
      const numbers = found.get(key) ?? [];
      numbers.push(Number(value));
      found.set(key, numbers);
    }
    for (const [client, numbers] of this.acknowledged) {
      const there = found.get(client) ?? [];
      expect(there, client).toEqual([...new Set(there)].toSorted((a, b) => a - b));
      expect(new Set(there), client).toEqual(new Set([...there, ...numbers]));
    }
  }

  async #run(client: string): Promise<void> {
    const acknowledged: number[] = [];
    this.acknowledged.set(client, acknowledged);
    for (let number = 0; this.#running; number++) {
      const startedMs = performance.now();
      try {
        await this.#log.append([record(client, client, `${number}`)]);
        acknowledged.push(number);
      } catch (error) {
        this.rejections.push(error);
      }
      this.slowestMs = Math.max(this.slowestMs, performance.now() - startedMs);
    }
  }
}

test('the leader of partitions is killed during appends: every append succeeds, once and in order', async () => {
  const { log, seen } = await openFollowed(20_000);
  const workload = new Workload(log, 'killed');
  await workload.further(500);
  const leader = await leaderOf(0);
  await leader.kill();
  await workload.further(1_000);
  await leader.start();
  await kafka.ready();
  await workload.further(500);
  await workload.stop();
  expect(workload.rejections).toEqual([]);
  workload.assertKept(await readAll(log));
  workload.assertKept(seen);
  await log.close();
  tell('leader killed', workload);
});

test('an append waits until the replicas have it, also where nobody reads it back', async () => {
  const log = await openLog(20_000);
  await log.append([record('replicated', 'p')]);
  const leader = await leaderOf(log.partitionOf('p'));
  const followers = kafka.brokers.filter((broker) => broker !== leader);
  for (const follower of followers) follower.pause();
  let isAcknowledged = false;
  const append = log.append([record('not yet', 'p')]).then(() => (isAcknowledged = true));
  await sleep(1_000);
  const wasAcknowledged = isAcknowledged;
  for (const follower of followers) follower.resume();
  await append;
  expect(wasAcknowledged).toBe(false);
  await log.close();
});

test('a leader that stops without a word is left alone: what it may still do afterwards overtakes nothing', async () => {
  // Shorter than the brokers' own patience, so that appends are given up whose requests lie in the stopped leader's socket.
  const { log, seen } = await openFollowed(1_500);
  const workload = new Workload(log, 'stopped');
  await workload.further(500);
  const leader = await leaderOf(0);
  leader.pause();
  await sleep(4_000);
  leader.resume();
  await workload.further(2_000);
  await workload.stop();
  await kafka.ready();
  expect(workload.rejections.length).toBeGreaterThan(0);
  for (const error of workload.rejections) expect(error).toBeInstanceOf(StoreUnavailableError);
  workload.assertKept(await readAll(log));
  workload.assertKept(seen);
  await log.close();
  tell('leader stopped for 4 s', workload);
});

test('Kafka is away for seconds: appends reject in time, readiness follows, and all goes on by itself', async () => {
  const states: boolean[] = [];
  const { log, seen } = await openFollowed(3_000, (available) => states.push(available));
  const workload = new Workload(log, 'away');
  await workload.further(500);
  await Promise.all(kafka.brokers.map((broker) => broker.kill()));
  await sleep(AWAY_MS);
  expect(log.available).toBe(false);
  for (const broker of kafka.brokers) await broker.start();
  await kafka.ready();
  const backMs = performance.now();
  await workload.further(1);
  const recoveryMs = performance.now() - backMs;
  await workload.further(500);
  await workload.stop();
  await expect.poll(() => log.available, { timeout: 20_000 }).toBe(true);
  expect(states).toEqual([false, true]);
  expect(workload.slowestMs).toBeLessThan(6_000);
  workload.assertKept(await readAll(log));
  workload.assertKept(seen);
  await log.close();
  tell(`away for ${AWAY_MS / 1_000} s, first append ${recoveryMs.toFixed(0)} ms after its return`, workload);
});

async function openLog(
  deadlineMs: number,
  onAvailable: (available: boolean) => void = () => undefined,
): Promise<KafkaEventLog> {
  return await openKafkaEventLog({
    connection: { brokers: kafka.addresses, clientId: 'faults', requestTimeoutMs: 2_000 },
    topic,
    deadlineMs,
    onState: ({ available }) => onAvailable(available),
  });
}

async function openFollowed(
  deadlineMs: number,
  onAvailable?: (available: boolean) => void,
): Promise<{ readonly log: KafkaEventLog; readonly seen: LogEntry[] }> {
  const log = await openLog(deadlineMs, onAvailable);
  const seen: LogEntry[] = [];
  await log.follow(await log.startOffsets(), (entries) => seen.push(...entries));
  return { log, seen };
}

async function leaderOf(partition: number): Promise<ServerProcess> {
  const { topics } = await withAdmin(kafka.addresses, (admin) =>
    admin.fetchTopicMetadata({ topics: [topic] }),
  );
  const node = topics[0]?.partitions.find(({ partitionId }) => partitionId === partition)?.leader ?? 0;
  const leader = kafka.brokers[node - 1];
  if (leader === undefined)
    throw new Error(`Partition ${partition} is led by node ${node}, which is none of ours`);
  return leader;
}

function tell(what: string, { count, rejections, slowestMs }: Workload): void {
  console.info(
    `${what}: ${count} appends acknowledged, ${rejections.length} rejected, the slowest took ${slowestMs.toFixed(0)} ms`,
  );
}
