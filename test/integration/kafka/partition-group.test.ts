/** The share of partitions that a real consumer group gives out, while its members come and go. */
import { randomUUID } from 'node:crypto';
import { setImmediate as endOfTurn } from 'node:timers/promises';
import { afterEach, beforeEach, expect, inject, test, vi } from 'vitest';
import { PartitionGroup } from '../../../src/adapters/kafka/group/partition-group.ts';
import type { PartitionGroupOptions } from '../../../src/adapters/kafka/group/partition-group.ts';
import type { Offset } from '../../../src/event-log/event-log.ts';
import { createTopic, withAdmin } from '../../support/kafka-topic.ts';
import type { TestTopic } from '../../support/kafka-topic.ts';

const brokers = [inject('kafkaAddress')];
const PARTITIONS = 6;
const ALL = [0, 1, 2, 3, 4, 5];
/** Kafka's lower bound. */
const SESSION_TIMEOUT_MS = 6_000;
const WAIT = { timeout: 30_000, interval: 20 };

let sessions: TestTopic;
let retained: TestTopic;
let groupId: string;
const open: PartitionGroup[] = [];

beforeEach(async () => {
  sessions = await createTopic(brokers, { partitions: PARTITIONS });
  retained = await createTopic(brokers, { partitions: PARTITIONS });
  groupId = `group-${randomUUID()}`;
});

afterEach(async () => {
  await Promise.all(open.splice(0).map((group) => group.close()));
  await withAdmin(brokers, (admin) => admin.deleteGroups([groupId])).catch(() => undefined);
  await sessions.remove();
  await retained.remove();
});

/** A member and what it has of each topic, as it hears it. */
class Member {
  readonly group: PartitionGroup;
  readonly lost: unknown[] = [];
  sessions: readonly number[] = [];
  retained: readonly number[] = [];

  constructor(options: Partial<PartitionGroupOptions> = {}) {
    this.group = new PartitionGroup({
      connection: { brokers, clientId: 'group-test' },
      groupId,
      topics: [sessions.name, retained.name],
      sessionTimeoutMs: SESSION_TIMEOUT_MS,
      onLost: (error) => this.lost.push(error),
      ...options,
    });
    open.push(this.group);
    this.group.share(sessions.name).watch((partitions) => (this.sessions = partitions));
    this.group.share(retained.name).watch((partitions) => (this.retained = partitions));
  }
}

/** Resolves when each partition of both topics belongs to exactly one of them, and every one of them has some. */
async function divided(...members: readonly Member[]): Promise<void> {
  await vi.waitFor(() => {
    for (const topic of ['sessions', 'retained'] as const) {
      expect(members.flatMap((member) => member[topic]).toSorted()).toEqual(ALL);
      for (const member of members) expect(member[topic].length).toBeGreaterThan(0);
    }
  }, WAIT);
}

test('two members share all partitions; when one says goodbye the other has them all at once', async () => {
  const one = new Member();
  await divided(one);
  const two = new Member();
  await divided(one, two);
  // Topics that have just been made are not known everywhere at once, so the first attempts may fail.
  const losses = [one.lost.length, two.lost.length];
  const startedMs = performance.now();
  await one.group.close();
  await divided(two);
  // Far below the time after which a silent member counts as dead.
  expect(performance.now() - startedMs).toBeLessThan(SESSION_TIMEOUT_MS - 1_000);
  expect([one.lost.length, two.lost.length]).toEqual(losses);
});

test('what is in the checkpoint is told to the group, for the partitions of whoever tells', async () => {
  const member = new Member();
  await divided(member);
  const share = member.group.share(sessions.name);
  share.noteCheckpoint(new Map([[0, 7 as Offset]]));
  share.noteCheckpoint(
    new Map([
      [0, 9 as Offset],
      [5, 3 as Offset],
    ]),
  );
  await vi.waitFor(async () => {
    expect(await committed()).toEqual({ 0: '9', 5: '3' });
  }, WAIT);
  share.noteCheckpoint(new Map([[0, 11 as Offset]]));
  await member.group.close();
  expect(await committed()).toEqual({ 0: '11', 5: '3' });
});

test('what Kafka refuses while the group divides anew is told again, without anything new to tell', async () => {
  const one = new Member();
  await divided(one);
  const share = one.group.share(sessions.name);
  // A refusal is a matter of milliseconds, so there is always a commit under way until one is refused.
  const isRefused = (): boolean => one.group.commitsFailed > 0;
  // Whoever shares with others keeps its first ones.
  const kept = 0;
  let told = 0;
  const noteUntilRefused = async (): Promise<void> => {
    while (!isRefused()) {
      told++;
      share.noteCheckpoint(new Map([[kept, told as Offset]]));
      await endOfTurn();
    }
  };
  const refused = noteUntilRefused();
  while (!isRefused()) {
    const other = new Member();
    await divided(one, other);
    await other.group.close();
    await divided(one);
  }
  await refused;
  await vi.waitFor(async () => {
    expect(await committed()).toEqual({ [kept]: `${told}` });
  }, WAIT);
});

test('nothing is read through the group', async () => {
  const member = new Member();
  await divided(member);
  // A first attempt that failed, because the topics have just been made, may leave a member behind for as long as a session.
  await vi.waitFor(async () => {
    const { groups } = await withAdmin(brokers, (admin) => admin.describeGroups([groupId]));
    expect(groups[0]?.members).toHaveLength(1);
  }, WAIT);
  // A consumer that reads resolves offsets; nothing but what is told is ever committed.
  expect(await committed()).toEqual({});
});

test('a topic that does not exist is waited for', async () => {
  const missing = `missing-${randomUUID()}`;
  const member = new Member({ topics: [sessions.name, retained.name, missing] });
  await vi.waitFor(() => {
    expect(member.lost.length).toBeGreaterThan(1);
  }, WAIT);
  expect(member.group.joined).toBe(false);
});

test('closing at any moment leaves neither a connection nor a timer', async () => {
  const before = resources();
  const away = new Member({ connection: { brokers: ['127.0.0.1:1'], clientId: 'group-test' } });
  const early = new Member();
  const late = new Member();
  await vi.waitFor(() => {
    expect(late.group.joined).toBe(true);
    expect(away.lost.length).toBeGreaterThan(0);
  }, WAIT);
  const joining = new Member();
  await Promise.all([away, early, late, joining].map(({ group }) => group.close()));
  await expect.poll(resources).toEqual(before);
});

async function committed(): Promise<Record<number, string>> {
  const [topic] = await withAdmin(brokers, (admin) =>
    admin.fetchOffsets({ groupId, topics: [sessions.name] }),
  );
  const told = topic?.partitions.filter(({ offset }) => Number(offset) >= 0) ?? [];
  return Object.fromEntries(told.map(({ partition, offset }) => [partition, offset]));
}

/** What keeps a process alive; the poll's own timer comes and goes. */
function resources(): string[] {
  const kept = ['TCPSocketWrap', 'TCPConnectWrap', 'TLSWrap', 'Timeout'];
  return process
    .getActiveResourcesInfo()
    .filter((name) => kept.includes(name))
    .toSorted();
}
