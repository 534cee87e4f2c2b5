/**
 * Divides the partitions of some topics among all processes that are in one consumer group. Nothing is read through the group. A
 * process that loses the group keeps what it had until the group says otherwise: that two fold one partition for a while is harmless,
 * that nobody does is not. Goes on joining for as long as it is open.
 */
import type { PartitionShare } from '../../../metadata/partition-share.ts';
import { backoffMs, pause } from '../client/retry.ts';
import type { KafkaConnectionOptions } from '../kafka-connection-options.ts';
import { GroupMember } from './group-member.ts';
import { GroupShare } from './group-share.ts';
import { OffsetCommits } from './offset-commits.ts';
import type { Assignment } from './sticky-assigner.ts';

export interface PartitionGroupOptions {
  readonly connection: KafkaConnectionOptions;
  readonly groupId: string;
  readonly topics: readonly string[];
  /** Silence after which others take over the partitions of this process. Kafka's own bounds are 6 s and 30 min. */
  readonly sessionTimeoutMs: number;
  /** The membership was lost or could not be had; it is tried again. */
  readonly onLost: (error: unknown) => void;
}

export class PartitionGroup {
  /** Assignments received: one for each rebalance. */
  assignments = 0;
  /** Memberships lost, or not had. */
  losses = 0;
  readonly #options: PartitionGroupOptions;
  readonly #closing = new AbortController();
  readonly #shares: ReadonlyMap<string, GroupShare>;
  readonly #membership: Promise<void>;
  readonly #commits = new OffsetCommits(
    (topic, partition) => this.#shares.get(topic)?.partitions.includes(partition) === true,
  );
  #joined = false;

  /** Begins to join. */
  constructor(options: PartitionGroupOptions) {
    this.#options = options;
    this.#shares = new Map(
      options.topics.map((topic) => [topic, new GroupShare((offsets) => this.#commits.note(topic, offsets))]),
    );
    this.#membership = this.#stayMember();
  }

  /** Whether the group counts on this process, as far as it knows. */
  get joined(): boolean {
    return this.#joined;
  }

  /** Commits that Kafka did not take; each was made again. */
  get commitsFailed(): number {
    return this.#commits.failed;
  }

  /** Of one of the topics that were given. */
  share(topic: string): PartitionShare {
    const share = this.#shares.get(topic);
    if (share === undefined)
      throw new RangeError(`The group ${this.#options.groupId} does not divide ${topic}`);
    return share;
  }

  /** Says goodbye, so that others take over at once. Resolves when neither a connection nor a timer is left. Never rejects. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#membership;
  }

  async #stayMember(): Promise<void> {
    const { signal } = this.#closing;
    const isClosing = (): boolean => signal.aborted;
    let failures = 0;
    while (!isClosing()) {
      const before = this.assignments;
      const error = await this.#beMember();
      if (isClosing()) return;
      this.#joined = false;
      this.losses++;
      this.#options.onLost(error);
      failures = this.assignments > before ? 1 : failures + 1;
      await pause(backoffMs(failures), signal);
    }
  }

  /** Resolves with what ended it. */
  async #beMember(): Promise<unknown> {
    const { connection, groupId, topics, sessionTimeoutMs } = this.#options;
    const held = (): Assignment =>
      Object.fromEntries([...this.#shares].map(([topic, { partitions }]) => [topic, partitions]));
    let onLost: (error: unknown) => void = () => undefined;
    const lost = new Promise<unknown>((resolve) => {
      onLost = resolve;
    });
    const { signal } = this.#closing;
    signal.addEventListener('abort', onLost, { once: true });
    const onAssigned = (assignment: Assignment): void => {
      this.#assigned(assignment);
    };
    const options = { connection, groupId, topics, sessionTimeoutMs, held, onAssigned, onLost };
    const member = new GroupMember(options);
    const ended = new AbortController();
    const joined = member.join().then(() => {
      this.#commits.begin((offsets) => member.commit(offsets), ended.signal);
      return lost;
    });
    try {
      return await Promise.race([joined, lost]);
    } catch (error) {
      return error;
    } finally {
      signal.removeEventListener('abort', onLost);
      ended.abort();
      await member.leave(this.#commits.end());
    }
  }

  #assigned(assignment: Assignment): void {
    if (this.#closing.signal.aborted) return;
    this.assignments++;
    this.#joined = true;
    for (const [topic, share] of this.#shares) share.assign(assignment[topic] ?? []);
  }
}
