/** TLS and every kind of password that the log can be given, against a Kafka of its own that wants both. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KafkaEngine } from '../../../engines/kafka/kafka-engine.ts';
import { openKafkaEventLog } from '../../../src/adapters/kafka/event-log/kafka-event-log.ts';
import type {
  KafkaConnectionOptions,
  KafkaSasl,
} from '../../../src/adapters/kafka/kafka-connection-options.ts';
import { KafkaTopics } from '../../../src/adapters/kafka/topics/kafka-topics.ts';
import { record } from '../../contract/event-log-contract.ts';

const CERTIFICATES = 'test/fixtures/tls';
const USER = { username: 'spoke', password: 'river-stone-lamp' };

let directory: string;
let kafka: KafkaEngine;
let ca: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'spoke-kafka-keys-'));
  const keyStoreFile = join(directory, 'broker.pem');
  const parts = ['server-key.pem', 'server.pem'].map((file) => readFile(join(CERTIFICATES, file), 'utf8'));
  await writeFile(keyStoreFile, (await Promise.all(parts)).join('\n'));
  ca = await readFile(join(CERTIFICATES, 'ca.pem'), 'utf8');
  kafka = await KafkaEngine.start({ secured: { ...USER, keyStoreFile } });
});

afterAll(async () => {
  await kafka.stop();
  await rm(directory, { recursive: true });
});

describe.each(['plain', 'scram-sha-256', 'scram-sha-512'] as const)('TLS and SASL %s', (mechanism) => {
  test('topics can be made, records appended and followed', async () => {
    const connection = connectionOf({ mechanism, ...USER });
    const topicPrefix = `test-${mechanism}`;
    const topics = new KafkaTopics({
      connection,
      topicPrefix,
      partitions: 2,
      replicationFactor: 1,
      minInsyncReplicas: 1,
      compactionLagMs: 1_000,
      auditRetention: { ageMsMax: 86_400_000, bytesMax: 16_000_000 },
      messageBytesMax: 1_000_000,
      progress: () => undefined,
    });
    expect(await topics.apply()).toEqual([]);
    const log = await openKafkaEventLog({ connection, topic: `${topicPrefix}.session-events` });
    const seen: string[] = [];
    await log.follow(await log.startOffsets(), (entries) => seen.push(...entries.map(({ key }) => key)));
    await log.append([record('a')]);
    expect(seen).toEqual(['a']);
    await log.close();
  });

  test('a wrong password is told as such', async () => {
    const connection = connectionOf({ mechanism, ...USER, password: 'guess' });
    const opening = openKafkaEventLog({ connection, topic: 'any', deadlineMs: 1_000 });
    await expect(opening).rejects.toThrow(/[Aa]uthentication/);
  });
});

test('a certificate that nobody trusts is refused', async () => {
  const connection = { ...connectionOf({ mechanism: 'plain', ...USER }), tls: {} };
  await expect(openKafkaEventLog({ connection, topic: 'any', deadlineMs: 1_000 })).rejects.toThrow(
    /certificate/,
  );
});

function connectionOf(sasl: KafkaSasl): KafkaConnectionOptions {
  return { brokers: kafka.securedAddresses, clientId: 'test', tls: { ca }, sasl };
}
