import type { TopicPartitionOffsetAndMetadata } from 'kafkajs';
import { expect, test, vi } from 'vitest';
import { OffsetCommits } from '../../../../../src/adapters/kafka/group/offset-commits.ts';
import type { Offset } from '../../../../../src/event-log/event-log.ts';

/** What takes commits, and refuses the first `refusals` of them. */
class Group {
  readonly calls: string[][] = [];
  readonly membership = new AbortController();
  refusals: number;

  constructor(refusals = 0) {
    this.refusals = refusals;
  }

  readonly commit = async (offsets: TopicPartitionOffsetAndMetadata[]): Promise<void> => {
    this.calls.push(offsets.map(({ topic, partition, offset }) => `${topic} ${partition} ${offset}`));
    await Promise.resolve();
    if (this.refusals-- > 0) throw new Error('the group is rebalancing');
  };

  joins(commits: OffsetCommits): void {
    commits.begin(this.commit, this.membership.signal);
  }

  async leaves(commits: OffsetCommits): Promise<void> {
    this.membership.abort();
    await commits.end();
  }
}

const everything = (): boolean => true;
const at = (...pairs: [partition: number, offset: number][]): Map<number, Offset> =>
  new Map(pairs as [number, Offset][]);

test('what is noted before there is a membership goes through it, in one commit', async () => {
  const commits = new OffsetCommits(everything);
  commits.note('a', at([0, 1]));
  commits.note('a', at([0, 2], [1, 5]));
  const group = new Group();
  group.joins(commits);
  await group.leaves(commits);
  expect(group.calls).toEqual([['a 0 2', 'a 1 5']]);
});

test('a refused commit is made again by itself, with what came meanwhile in place of what it replaces', async () => {
  const commits = new OffsetCommits(everything);
  const group = new Group(2);
  group.joins(commits);
  commits.note('a', at([0, 1], [1, 1]));
  commits.note('a', at([1, 2]));
  await vi.waitFor(() => {
    expect(group.calls).toHaveLength(3);
  });
  expect(group.calls).toEqual([
    ['a 0 1', 'a 1 1'],
    ['a 1 2', 'a 0 1'],
    ['a 1 2', 'a 0 1'],
  ]);
  expect(commits.failed).toBe(2);
  await group.leaves(commits);
  expect(group.calls).toHaveLength(3);
});

test('what one membership could not tell goes through the next', async () => {
  const commits = new OffsetCommits(everything);
  const lost = new Group(Infinity);
  lost.joins(commits);
  commits.note('a', at([0, 7]));
  await lost.leaves(commits);
  const next = new Group();
  next.joins(commits);
  await next.leaves(commits);
  expect(next.calls).toEqual([['a 0 7']]);
});

test('whoever leaves while it waits to try again tries once more, and waits for that', async () => {
  const commits = new OffsetCommits(everything);
  const group = new Group(1);
  group.joins(commits);
  commits.note('a', at([0, 7]));
  await vi.waitFor(() => {
    expect(commits.failed).toBe(1);
  });
  await group.leaves(commits);
  expect(group.calls).toEqual([['a 0 7'], ['a 0 7']]);
});

test('of partitions that are somebody else’s nothing is told, also not after a refusal', async () => {
  const ours = new Set([0, 1]);
  const commits = new OffsetCommits((_, partition) => ours.has(partition));
  const group = new Group(1);
  group.joins(commits);
  commits.note('a', at([0, 7], [1, 8], [2, 9]));
  ours.delete(0);
  await vi.waitFor(() => {
    expect(group.calls).toHaveLength(2);
  });
  expect(group.calls).toEqual([['a 0 7', 'a 1 8'], ['a 1 8']]);
  await group.leaves(commits);
});

test('a membership that has ended before it began takes nothing', async () => {
  const commits = new OffsetCommits(everything);
  const group = new Group();
  group.membership.abort();
  group.joins(commits);
  commits.note('a', at([0, 7]));
  await commits.end();
  expect(group.calls).toEqual([]);
});
