/**
 * Which broker leads each partition of one topic, as far as known. It is asked anew when somebody finds that it is no longer
 * so; a partition without a leader keeps the one it had.
 */
import kafkajsRequests from 'kafkajs/src/protocol/requests/index.js';
import type { MetadataResponse } from 'kafkajs/src/protocol/requests/index.js';
import { assertAccepted } from './kafka-error.ts';
import type { Address, KafkaNodes } from './kafka-nodes.ts';

const METADATA = kafkajsRequests.requests.Metadata.protocol({ version: 5 });
/** Some partition has no leader at the moment: the others are told all the same. */
const LEADER_NOT_AVAILABLE = 5;

export class TopicLeaders {
  readonly topic: string;
  readonly #nodes: KafkaNodes;
  #leaders: (Address | undefined)[] = [];
  readonly #listeners = new Set<() => void>();
  #refreshing: Promise<void> | undefined;

  constructor(nodes: KafkaNodes, topic: string) {
    this.#nodes = nodes;
    this.topic = topic;
  }

  get partitionCount(): number {
    return this.#leaders.length;
  }

  leaderOf(partition: number): Address | undefined {
    return this.#leaders[partition];
  }

  /** The partitions of each leader. */
  byLeader(): Map<Address, number[]> {
    const led = new Map<Address, number[]>();
    for (const [partition, leader] of this.#leaders.entries()) {
      if (leader === undefined) continue;
      const partitions = led.get(leader);
      if (partitions === undefined) led.set(leader, [partition]);
      else partitions.push(partition);
    }
    return led;
  }

  /** Calls back whenever Kafka has told the leaders, whoever asked. */
  onLearnt(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /** Rejects with a `KafkaAnswerError` when there is no such topic. Callers at once share one question. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #refresh(): Promise<void> {
    const { request, response } = METADATA({ topics: [this.topic], allowAutoTopicCreation: false });
    const parse = (answer: MetadataResponse): Promise<MetadataResponse> => Promise.resolve(answer);
    const { brokers, topicMetadata } = await this.#nodes.sendToAny({
      request,
      response: { decode: (payload) => response.decode(payload), parse },
    });
    const addresses = new Map(brokers.map(({ nodeId, host, port }) => [nodeId, `${host}:${port}`]));
    const [topic] = topicMetadata;
    if (topic === undefined) throw new Error(`Kafka has said nothing about topic ${this.topic}`);
    if (topic.topicErrorCode !== LEADER_NOT_AVAILABLE)
      assertAccepted(topic.topicErrorCode, `topic ${this.topic}`);
    const count = topic.partitionMetadata.length;
    if (this.#leaders.length > 0 && count !== this.#leaders.length)
      throw new Error(
        `topic ${this.topic} has ${count} partitions and had ${this.#leaders.length} when it was opened. ` +
          'Partitions of a log must not change: what belongs to one client would lose its order.',
      );
    const leaders: (Address | undefined)[] = Array.from({ length: count }, (_, at) => this.#leaders[at]);
    for (const { partitionId, leader } of topic.partitionMetadata)
      leaders[partitionId] = addresses.get(leader) ?? leaders[partitionId];
    this.#leaders = leaders;
    this.#nodes.learn([...addresses.values()]);
    for (const listener of this.#listeners) listener();
  }
}
