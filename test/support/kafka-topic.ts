/** Topics of real Kafka for tests: each its own, removed afterwards, compacted as fast as Kafka can. */
import { randomUUID } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigResourceTypes, Kafka, logLevel } from 'kafkajs';
import type { Admin } from 'kafkajs';

const CLEANER_POLL_MS = 50;
const CLEANER_MS_MAX = 60_000;

export interface TestTopic {
  readonly name: string;
  remove(): Promise<void>;
}

export interface TestTopicOptions {
  /** Default: one that nobody else has. */
  readonly name?: string;
  readonly partitions?: number;
  readonly replicationFactor?: number;
  readonly configuration?: Readonly<Record<string, string>>;
}

/** Everything but the segment that is written to is compacted at once. No batch may be bigger than a segment. */
export function compactingAtOnce(segmentBytes: number): Readonly<Record<string, string>> {
  return {
    'internal.segment.bytes': `${segmentBytes}`,
    'min.cleanable.dirty.ratio': '0.001',
    'min.compaction.lag.ms': '0',
    'delete.retention.ms': '0',
  };
}

export async function createTopic(
  brokers: readonly string[],
  options: TestTopicOptions = {},
): Promise<TestTopic> {
  const {
    name = `test-${randomUUID()}`,
    partitions = 1,
    replicationFactor = 1,
    configuration = {},
  } = options;
  const settings = {
    'cleanup.policy': 'compact',
    'message.timestamp.after.max.ms': '9223372036854775807',
    ...configuration,
  };
  await withAdmin(brokers, (admin) =>
    admin.createTopics({
      waitForLeaders: false,
      topics: [
        {
          topic: name,
          numPartitions: partitions,
          replicationFactor,
          configEntries: Object.entries(settings).map(([key, value]) => ({ name: key, value })),
        },
      ],
    }),
  );
  return { name, remove: () => removeTopics(brokers, [name]) };
}

/** Every setting that is not named goes back to its default. */
export async function changeTopic(
  brokers: readonly string[],
  name: string,
  settings: Readonly<Record<string, string>>,
): Promise<void> {
  const configEntries = Object.entries(settings).map(([key, value]) => ({ name: key, value }));
  await withAdmin(brokers, (admin) =>
    admin.alterConfigs({
      validateOnly: false,
      resources: [{ type: ConfigResourceTypes.TOPIC, name, configEntries }],
    }),
  );
}

/** On a busy machine a first attempt may time out and have worked all the same. */
export async function removeTopics(brokers: readonly string[], topics: string[]): Promise<void> {
  try {
    await withAdmin(brokers, (admin) => admin.deleteTopics({ topics }));
  } catch (error) {
    const isGone = error instanceof Error && 'type' in error && error.type === 'UNKNOWN_TOPIC_OR_PARTITION';
    if (!isGone) throw error;
  }
}

export async function withAdmin<T>(
  brokers: readonly string[],
  work: (admin: Admin) => Promise<T>,
): Promise<T> {
  const admin = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}

/** Resolves when the log cleaner of a one-broker Kafka has been through everything that it may touch now. */
export async function compacted(dataDirectory: string, topic: string): Promise<void> {
  const data = join(dataDirectory, 'broker-0', 'data');
  const folders = (await readdir(data)).filter((folder) => folder.startsWith(`${topic}-`));
  for (const folder of folders) {
    const partition = Number(folder.slice(topic.length + 1));
    const activeFrom = await activeSegment(join(data, folder));
    const deadlineMs = performance.now() + CLEANER_MS_MAX;
    while ((await cleanedTo(data, topic, partition)) < activeFrom) {
      if (performance.now() > deadlineMs) throw new Error(`${folder} was not cleaned up to ${activeFrom}`);
      await sleep(CLEANER_POLL_MS);
    }
  }
}

/** First offset of the segment that is written to, which is never compacted. */
async function activeSegment(folder: string): Promise<number> {
  const segments = (await readdir(folder)).filter((file) => file.endsWith('.log'));
  return Math.max(...segments.map((file) => Number(file.slice(0, -'.log'.length))));
}

async function cleanedTo(data: string, topic: string, partition: number): Promise<number> {
  const checkpoint = await readFile(join(data, 'cleaner-offset-checkpoint'), 'utf8').catch(() => '');
  const line = checkpoint.split('\n').find((text) => text.startsWith(`${topic} ${partition} `));
  return Number(line?.split(' ')[2] ?? 0);
}
