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

/** Something about a topic that is not as it should be. */
export interface TopicDifference {
  readonly topic: string;
  readonly fault: string;
  /** Kafka takes away what it has acknowledged: nobody may write to such a topic. */
  readonly losesRecords: boolean;
}

/** What makes Kafka remove records: by key where it should be by age, or the other way round. */
const DECIDES_WHAT_IS_KEPT = 'cleanup.policy';

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
    return (await this.differences()).map(differenceText);
  }

  /** As `check`, and which of it must not be. */
  async differences(): Promise<readonly TopicDifference[]> {
    return await withAdmin(this.#options.connection, (admin) => this.#differences(admin));
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
      return (await this.#differences(admin)).map(differenceText);
    });
  }

  async #differences(admin: Admin): Promise<readonly TopicDifference[]> {
    const all: TopicDifference[] = [];
    for (const wanted of this.#wanted)
      all.push(...differencesOf(wanted, await findTopic(admin, wanted.name)));
    return all;
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

  async #alter(admin: Admin, wanted: WantedTopic, found: FoundTopic): Promise<void> {
    const { name, configuration } = wanted;
    const changes = settingDifferences(wanted, found);
    if (changes.length === 0) return;
    for (const { fault } of changes) this.#options.progress(`changing topic ${name}: ${fault}`);
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

const MISSING = 'does not exist';

/** One line, for people. */
export function differenceText({ topic, fault }: TopicDifference): string {
  return fault === MISSING ? `topic ${topic} ${fault}` : `topic ${topic}: ${fault}`;
}

function differencesOf(wanted: WantedTopic, found: FoundTopic | undefined): TopicDifference[] {
  const different = (fault: string): TopicDifference => ({ topic: wanted.name, fault, losesRecords: false });
  if (found === undefined) return [different(MISSING)];
  const all = settingDifferences(wanted, found);
  if (found.partitions !== wanted.partitions)
    all.push(
      different(
        `has ${found.partitions} partitions, should have ${wanted.partitions}: this cannot be changed without losing order; ` +
          'configure the number that is there',
      ),
    );
  if (found.replicas < wanted.replicationFactor)
    all.push(
      different(
        `is replicated ${found.replicas} times, should be ${wanted.replicationFactor} times: reassign its partitions with Kafka's tools`,
      ),
    );
  return all;
}

function settingDifferences(
  { name: topic, configuration }: WantedTopic,
  { inForce }: FoundTopic,
): TopicDifference[] {
  return Object.entries(configuration).flatMap(([setting, value]) => {
    const found = inForce.get(setting);
    if (found === value) return [];
    const is = found === undefined ? 'not set' : JSON.stringify(found);
    const fault = `${setting} is ${is}, should be ${JSON.stringify(value)}`;
    return [{ topic, fault, losesRecords: setting === DECIDES_WHAT_IS_KEPT }];
  });
}

function entriesOf(settings: Iterable<readonly [string, string]>): { name: string; value: string }[] {
  return Array.from(settings, ([name, value]) => ({ name, value }));
}
