/**
 * One membership in a consumer group, from joining to leaving: a consumer of kafkajs that fetches nothing, because everything it is
 * assigned is paused before it could. Joined once; when it is lost, whoever wants to be in the group makes another one.
 */
import type { Socket } from 'node:net';
import type { Consumer, RetryOptions, TopicPartitionOffsetAndMetadata } from 'kafkajs';
import { openSocket } from '../client/kafka-socket.ts';
import type { SocketTarget } from '../client/kafka-socket.ts';
import { libraryClient } from '../client/library-client.ts';
import type { KafkaConnectionOptions } from '../kafka-connection-options.ts';
import { stickyAssigner } from './sticky-assigner.ts';
import type { Assignment } from './sticky-assigner.ts';

/** Short: after it the membership counts as lost, and another one asks anew who coordinates the group. */
const RETRY: RetryOptions = { retries: 3, initialRetryTime: 100, maxRetryTime: 500 };
/** Heartbeats in the time after which a silent member is taken to be dead. */
const HEARTBEATS_PER_SESSION = 5;
/** How often the consumer looks whether a heartbeat is due: leaving waits for it to come round. */
const IDLE_MS = 200;
/** After it connections are cut: the group notices by itself that somebody has gone. */
const LEAVE_MS_MAX = 2_000;

export interface GroupMemberOptions {
  readonly connection: KafkaConnectionOptions;
  readonly groupId: string;
  readonly topics: readonly string[];
  readonly sessionTimeoutMs: number;
  /** What this process has now, from this membership or the one before. */
  readonly held: () => Assignment;
  readonly onAssigned: (assignment: Assignment) => void;
  /** Once, when it was in the group or about to be, and is no more. */
  readonly onLost: (error: unknown) => void;
}

export class GroupMember {
  readonly #options: GroupMemberOptions;
  readonly #consumer: Consumer;
  readonly #sockets = new Set<Socket>();
  #joining: Promise<void> = Promise.resolve();
  #cut = false;
  /** Taken by Kafka. */
  #commits = 0;

  constructor(options: GroupMemberOptions) {
    const { connection, groupId, sessionTimeoutMs } = options;
    this.#options = options;
    const socketFactory = (to: SocketTarget): Socket => this.#openSocket(to);
    this.#consumer = libraryClient(connection, { retry: RETRY, socketFactory }).consumer({
      groupId,
      partitionAssigners: [stickyAssigner(options.held)],
      sessionTimeout: sessionTimeoutMs,
      rebalanceTimeout: sessionTimeoutMs,
      heartbeatInterval: Math.floor(sessionTimeoutMs / HEARTBEATS_PER_SESSION),
      maxWaitTimeInMs: IDLE_MS,
      allowAutoTopicCreation: false,
      retry: { ...RETRY, restartOnFailure: () => Promise.resolve(false) },
    });
    const { GROUP_JOIN, COMMIT_OFFSETS, CRASH } = this.#consumer.events;
    this.#consumer.on(COMMIT_OFFSETS, () => {
      this.#commits++;
    });
    this.#consumer.on(GROUP_JOIN, ({ payload }) => {
      this.#assigned(payload.memberAssignment);
    });
    this.#consumer.on(CRASH, ({ payload }) => {
      options.onLost(payload.error);
    });
  }

  /** Resolves when the first assignment is there, or when `onLost` was called. Rejects when Kafka or a topic cannot be found. */
  async join(): Promise<void> {
    this.#joining = this.#join();
    await this.#joining;
  }

  /** For tools that show how far a group is; one at a time. Rejects when Kafka does not take it, as during a rebalance. */
  async commit(offsets: TopicPartitionOffsetAndMetadata[]): Promise<void> {
    const before = this.#commits;
    await this.#consumer.commitOffsets(offsets);
    // kafkajs resolves without a word when its consumer has ended.
    if (this.#commits === before) throw new Error('the membership has ended');
  }

  /** Resolves when nothing of it is left: no connection and no timer. `last` is waited for, within the same bound. */
  async leave(last: Promise<void>): Promise<void> {
    const timer = setTimeout(() => {
      this.#cutConnections();
    }, LEAVE_MS_MAX);
    try {
      await last;
      await this.#consumer.disconnect();
    } catch {
      // It has gone without a word, and the group finds out.
    } finally {
      clearTimeout(timer);
      this.#cutConnections();
      // Without connections it fails soon.
      await this.#joining.catch(() => undefined);
    }
  }

  async #join(): Promise<void> {
    await this.#consumer.connect();
    await this.#consumer.subscribe({ topics: [...this.#options.topics] });
    await this.#consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      // Everything is paused: there is no batch.
      eachBatch: () => Promise.resolve(),
    });
  }

  #assigned(assignment: Assignment): void {
    // kafkajs calls this before it fetches anything of the new assignment.
    const all = Object.entries(assignment).map(([topic, partitions]) => ({
      topic,
      partitions: [...partitions],
    }));
    this.#consumer.pause(all);
    this.#options.onAssigned(assignment);
  }

  #openSocket(to: SocketTarget): Socket {
    if (this.#cut) throw new Error('the membership has ended');
    const socket = openSocket(to);
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    return socket;
  }

  /** kafkajs would wait for requests under way, a join for as long as a rebalance takes; an error on the socket ends them. */
  #cutConnections(): void {
    this.#cut = true;
    for (const socket of this.#sockets) socket.destroy(new Error('the connection was given up'));
  }
}
