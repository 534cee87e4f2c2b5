/**
 * The metadata service on real Kafka and HBase: killed between any two of its steps, divided anew under load, begun on a log whose head
 * is compacted away. In the end the snapshot is the fold of the whole history, every time.
 */
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, inject, test, vi } from 'vitest';
import type { HBaseClient } from '../../../src/adapters/hbase/client/hbase-client.ts';
import { openHBaseSnapshotStore } from '../../../src/adapters/hbase/snapshot/hbase-snapshot-store.ts';
import { openKafkaEventLog } from '../../../src/adapters/kafka/event-log/kafka-event-log.ts';
import type { KafkaEventLog } from '../../../src/adapters/kafka/event-log/kafka-event-log.ts';
import { PartitionGroup } from '../../../src/adapters/kafka/group/partition-group.ts';
import type { KafkaConnectionOptions } from '../../../src/adapters/kafka/kafka-connection-options.ts';
import { retainedTopic, sessionEventsTopic } from '../../../src/adapters/kafka/topics/wanted-topic.ts';
import { SeededRandom } from '../../../src/fleet/seeded-random.ts';
import { MetadataService } from '../../../src/metadata/metadata-service.ts';
import { SessionFold } from '../../../src/metadata/session-fold.ts';
import type { SnapshotStore } from '../../../src/metadata/snapshot-store.ts';
import { SystemClock, SystemTimers } from '../../../src/transport/system-time.ts';
import { readAll } from '../../contract/event-log-contract.ts';
import { connectHBase } from '../../support/hbase-queues.ts';
import { newNamespace, PARTITIONS } from '../../support/hbase-snapshots.ts';
import { compacted, compactingAtOnce, createTopic, withAdmin } from '../../support/kafka-topic.ts';
import type { TestTopic } from '../../support/kafka-topic.ts';
import { LateHistory } from '../../support/late-history.ts';
import { metadataChild, type MetadataChild } from '../../support/metadata-child.ts';
import { ReferenceFold, type FoldedState } from '../../support/reference-fold.ts';

const brokers = [inject('kafkaAddress')];
const zookeeperQuorum = inject('zookeeperQuorum');
/** Fixed, so that every run is the same run as far as it depends on us. */
const SEED = Number(process.env['SPOKE_CRASH_SEED'] ?? 20_240_604);
const SEGMENT_BYTES = 20_000;
const CLIENTS = 40;
const KILLS = 3;
const SETTLED = { timeout: 60_000, interval: 100 };

let prefix: string;
let topics: TestTopic[];
let client: HBaseClient;
let namespace: string;
let log: KafkaEventLog;
let snapshot: SnapshotStore;
let random: SeededRandom;
let history: LateHistory;

beforeEach(async ({ task }) => {
  prefix = `cluster-${randomUUID()}`;
  client = await connectHBase(zookeeperQuorum);
  namespace = await newNamespace(client, 'sessions', 'retained', 'checkpoints');
  snapshot = await openSnapshot();
  random = new SeededRandom(SEED).fork(task.name);
});

/** `configuration`: of the topics. */
async function open(configuration: Readonly<Record<string, string>> = {}): Promise<void> {
  const names = [sessionEventsTopic(prefix), retainedTopic(prefix)];
  topics = await Promise.all(
    names.map((name) => createTopic(brokers, { name, partitions: PARTITIONS, configuration })),
  );
  log = await openKafkaEventLog({ connection: connection('test'), topic: sessionEventsTopic(prefix) });
  history = new LateHistory(log, CLIENTS, () => random.next());
}

afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') console.error(`Repeat with SPOKE_CRASH_SEED=${SEED}`);
  await log.close();
  await snapshot.close();
  client.close();
  await Promise.all(topics.map((topic) => topic.remove()));
});

test('killed at any moment: others go on, and in the end the snapshot is the fold of the whole history', async () => {
  await open();
  const [one, other] = await Promise.all([child(), child()]);
  try {
    await Promise.all([one.child.start(), other.child.start()]);
    const load = new Load(history);
    for (let kill = 0; kill < KILLS; kill++) {
      await load.further(200 + Math.floor(random.next() * 400));
      await one.child.kill();
      await load.further(100);
      await one.child.start();
    }
    await other.child.kill();
    await load.further(100);
    await load.stop();
    // The one that died for good is missed after its session, and then its partitions are the other's.
    await settled();
    expect(await shareOf(one)).toBe(PARTITIONS);
    expect(history.late).toBeGreaterThan(0);
    expect((await fetch(`${one.url}/readyz`)).status).toBe(200);
    expect(await one.child.stop()).toBe(true);
  } finally {
    await Promise.all([one.dispose(), other.dispose()]);
  }
});

test('partitions that move under load are folded without a gap', async () => {
  await open();
  const members: Member[] = [];
  const load = new Load(history);
  for (let round = 0; round < 6; round++) {
    if (round % 3 < 2) members.push(await Member.start());
    else await members.shift()?.stop();
    await load.further(300);
  }
  await load.stop();
  await settled();
  await Promise.all(members.map((member) => member.stop()));
  // Whoever could not say goodbye in time is missed after its session.
  await vi.waitFor(async () => {
    const { groups } = await withAdmin(brokers, (admin) => admin.describeGroups([groupId()]));
    expect(groups[0]?.members).toEqual([]);
  }, SETTLED);
});

test('a log whose head is compacted away is folded to what it was', async () => {
  await open(compactingAtOnce(SEGMENT_BYTES));
  const load = new Load(history);
  await load.further(3_000);
  await load.stop();
  await history.restate();
  await compacted(inject('kafkaDirectory'), sessionEventsTopic(prefix));
  expect((await readAll(log)).length).toBeLessThan(history.records / 2);
  const member = await Member.start();
  await settled();
  await member.stop();
});

function connection(clientId: string): KafkaConnectionOptions {
  return { brokers, clientId };
}

function groupId(): string {
  return `${prefix}.metadata`;
}

function openSnapshot(): Promise<SnapshotStore> {
  return openHBaseSnapshotStore({ client, namespace, topic: 'sessions', partitionCount: PARTITIONS });
}

function child(): Promise<MetadataChild> {
  return metadataChild({
    kafkaBrokers: brokers.join(','),
    topicPrefix: prefix,
    partitions: PARTITIONS,
    zookeeperQuorum,
    namespace,
  });
}

/** Partitions of sessions that the process says it folds. */
async function shareOf({ url }: MetadataChild): Promise<number> {
  const page = await (await fetch(`${url}/metrics`)).text();
  return Number(/^spoke_snapshot_partitions\{topic="sessions"\} (\d+)$/m.exec(page)?.[1]);
}

/** Everything that was appended is in the checkpoint, and the snapshot alone is what it should be. */
async function settled(): Promise<void> {
  await vi.waitFor(async () => {
    expect(await snapshot.loadCheckpoint()).toEqual(await log.endOffsets());
  }, SETTLED);
  expect(await stateOf(snapshot)).toEqual(history.state);
}

async function stateOf(store: SnapshotStore): Promise<FoldedState> {
  const fold = new ReferenceFold();
  for await (const rows of store.scan()) for (const row of rows) fold.apply(row);
  return fold.state;
}

/** The service in this process, with connections of its own. */
class Member {
  readonly #group: PartitionGroup;
  readonly #log: KafkaEventLog;
  readonly #service: MetadataService;

  private constructor(group: PartitionGroup, ofMember: KafkaEventLog, service: MetadataService) {
    this.#group = group;
    this.#log = ofMember;
    this.#service = service;
  }

  static async start(): Promise<Member> {
    const topic = sessionEventsTopic(prefix);
    const own = await openKafkaEventLog({ connection: connection('member'), topic });
    const group = new PartitionGroup({
      connection: connection('member'),
      groupId: groupId(),
      topics: [topic],
      sessionTimeoutMs: 6_000,
      onLost: () => undefined,
    });
    const service = await MetadataService.start({
      log: own,
      snapshot: await openSnapshot(),
      fold: new SessionFold(),
      share: group.share(topic),
      clock: new SystemClock(),
      timers: new SystemTimers(),
      checkpointRecords: 10,
      checkpointIntervalMs: 20,
      pollMs: 20,
    });
    return new Member(group, own, service);
  }

  async stop(): Promise<void> {
    await this.#service.finish();
    await this.#group.close();
    await this.#log.close();
  }
}

/** Appends in the background, and says when so many more are there. */
class Load {
  readonly #history: LateHistory;
  #running = true;
  readonly #appending: Promise<void>;

  constructor(of: LateHistory) {
    this.#history = of;
    this.#appending = this.#append();
  }

  async further(records: number): Promise<void> {
    const wanted = this.#history.records + records;
    await vi.waitFor(() => {
      expect(this.#history.records).toBeGreaterThanOrEqual(wanted);
    }, SETTLED);
  }

  async stop(): Promise<void> {
    this.#running = false;
    await this.#appending;
  }

  async #append(): Promise<void> {
    while (this.#running) await this.#history.append(1 + Math.floor(random.next() * 10));
  }
}
