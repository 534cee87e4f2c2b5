/**
 * Makes and checks the topics of the event log. `apply` may run again and again, also at the same time from several places: it
 * brings what is there to what this release wants and leaves alone what nobody asked for. It never removes records, partitions
 * or topics, and does not change how often a partition is replicated.
 */
import { setTimeout as sleep } from 'node:timers/promises';
// As a whole: Node does not see all names of a CommonJS module.
import kafkajs from 'kafkajs';
import type { Admin } from 'kafkajs';
import { withAdmin } from '../client/kafka-admin.ts';
import type { KafkaConnectionOptions } from '../kafka-connection-options.ts';
import { wantedTopics } from './wanted-topic.ts';
import type { KafkaTopicsOptions, WantedTopic } from './wanted-topic.ts';

const KNOWN_MS_MAX = 20_000;
const KNOWN_POLL_MS = 100;

export interface KafkaTopicsAdminOptions extends KafkaTopicsOptions {
  readonly connection: KafkaConnectionOptions;
  /** One line for people about what is being done. */
  readonly progress: (line: string) => void;
}

interface FoundTopic {
  readonly partitions: number;
  /** Of the partition that has the fewest. */
  readonly replicas: number;
  /** Every setting and its value in force. */
  readonly inForce: ReadonlyMap<string, string>;
  /** What was set for this topic. */
  readonly own: ReadonlyMap<string, string>;
}

export class KafkaTopics {
  readonly #options: KafkaTopicsAdminOptions;
  readonly #wanted: readonly WantedTopic[];

  constructor(options: KafkaTopicsAdminOptions) {
    this.#options = options;
    this.#wanted = wantedTopics(options);
  }

  /**
   * Everything that is not as it should be, one line each; none: the log can use it. Rejects with `StoreUnavailableError` when
   * Kafka does not answer.
   */
  async check(): Promise<readonly string[]> {
    return await withAdmin(this.#options.connection, (admin) => this.#check(admin));
  }

  /** The topics that do not exist. Rejects as `check` does. */
  async missing(): Promise<readonly string[]> {
    const there = new Set(await withAdmin(this.#options.connection, (admin) => admin.listTopics()));
    return this.#wanted.map(({ name }) => name).filter((name) => !there.has(name));
  }

  /** Resolves with what is still wrong afterwards, as `check` says it: what cannot be changed in a topic that exists. */
  async apply(): Promise<readonly string[]> {
    return await withAdmin(this.#options.connection, async (admin) => {
      for (const wanted of this.#wanted) {
        const found = await findTopic(admin, wanted.name);
        if (found === undefined) await this.#create(admin, wanted);
        else await this.#alter(admin, wanted, found);
      }
      return await this.#check(admin);
    });
  }

  async #check(admin: Admin): Promise<readonly string[]> {
    const lines: string[] = [];
    for (const wanted of this.#wanted) {
      const found = await findTopic(admin, wanted.name);
      if (found === undefined) lines.push(`topic ${wanted.name} does not exist`);
      else lines.push(...differences(wanted, found).map((line) => `topic ${wanted.name}: ${line}`));
    }
    return lines;
  }

  async #create(
    admin: Admin,
    { name, partitions, replicationFactor, configuration }: WantedTopic,
  ): Promise<void> {
    this.#options.progress(
      `creating topic ${name} with ${partitions} partitions, ${replicationFactor} times replicated`,
    );
    // Resolves with false when somebody else has just made it.
    await admin.createTopics({
      waitForLeaders: false,
      topics: [
        {
          topic: name,
          numPartitions: partitions,
          replicationFactor,
          configEntries: entriesOf(Object.entries(configuration)),
        },
      ],
    });
    await this.#untilKnown(admin, name);
  }

  /** Brokers hear of a new topic one after the other: one may say that it is there, and the next one that it is not. */
  async #untilKnown(admin: Admin, name: string): Promise<void> {
    const deadlineMs = performance.now() + KNOWN_MS_MAX;
    for (;;) {
      try {
        if ((await findTopic(admin, name)) !== undefined) return;
      } catch (error) {
        if (performance.now() > deadlineMs) throw error;
      }
      if (performance.now() > deadlineMs) throw new Error(`topic ${name} was created and has not appeared`);
      await sleep(KNOWN_POLL_MS);
    }
  }

  async #alter(admin: Admin, { name, configuration }: WantedTopic, found: FoundTopic): Promise<void> {
    const changes = settingDifferences(configuration, found);
    if (changes.length === 0) return;
    for (const change of changes) this.#options.progress(`changing topic ${name}: ${change}`);
    // What is not named would go back to its default.
    const settings = new Map([...found.own, ...Object.entries(configuration)]);
    await admin.alterConfigs({
      validateOnly: false,
      resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name, configEntries: entriesOf(settings) }],
    });
  }
}

async function findTopic(admin: Admin, name: string): Promise<FoundTopic | undefined> {
  if (!(await admin.listTopics()).includes(name)) return undefined;
  const { topics } = await admin.fetchTopicMetadata({ topics: [name] });
  const partitions = topics[0]?.partitions ?? [];
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name }],
  });
  const entries = resources[0]?.configEntries ?? [];
  const own = entries.filter(({ configSource }) => configSource === kafkajs.ConfigSource.TOPIC_CONFIG);
  const pairs = (list: typeof entries): [string, string][] =>
    list.map(({ configName, configValue }) => [configName, configValue]);
  return {
    partitions: partitions.length,
    replicas: Math.min(...partitions.map(({ replicas }) => replicas.length)),
    inForce: new Map(pairs(entries)),
    own: new Map(pairs(own)),
  };
}

function differences(wanted: WantedTopic, found: FoundTopic): string[] {
  const lines = settingDifferences(wanted.configuration, found);
  if (found.partitions !== wanted.partitions)
    lines.push(
      `has ${found.partitions} partitions, should have ${wanted.partitions}: this cannot be changed without losing order; ` +
        'configure the number that is there',
    );
  if (found.replicas < wanted.replicationFactor)
    lines.push(
      `is replicated ${found.replicas} times, should be ${wanted.replicationFactor} times: reassign its partitions with Kafka's tools`,
    );
  return lines;
}

function settingDifferences(wanted: WantedTopic['configuration'], { inForce }: FoundTopic): string[] {
  return Object.entries(wanted).flatMap(([name, value]) => {
    const found = inForce.get(name);
    const is = found === undefined ? 'not set' : JSON.stringify(found);
    return found === value ? [] : [`${name} is ${is}, should be ${JSON.stringify(value)}`];
  });
}

function entriesOf(settings: Iterable<readonly [string, string]>): { name: string; value: string }[] {
  return Array.from(settings, ([name, value]) => ({ name, value }));
}
