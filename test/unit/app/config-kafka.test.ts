import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigError, loadConfig } from '../../../src/app/config.ts';
import { configSchema } from '../../../src/app/config-schema.ts';
import { withoutSecrets } from '../../../src/app/config-secrets.ts';
import { kafkaConnection, wantedKafkaTopics } from '../../../src/app/kafka-connection.ts';
import { createLogger } from '../../../src/app/logging.ts';

const LOGGER = createLogger(
  { level: 'silent', format: 'json' },
  { isTerminal: false, write: () => undefined },
);
const SASL = {
  SPOKE_KAFKA_SASL_MECHANISM: 'scram-sha-512',
  SPOKE_KAFKA_SASL_USERNAME: 'spoke',
  SPOKE_KAFKA_SASL_PASSWORD: 'river-stone-lamp',
};

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'spoke-kafka-config-'));
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

function load(environment: Readonly<Record<string, string>>, file?: string) {
  const cluster = { SPOKE_EVENT_LOG_STORE: 'kafka', SPOKE_QUEUES_STORE: 'hbase' };
  return loadConfig({ file, environment: { ...cluster, ...environment }, workingDirectory: directory })
    .config;
}

/** Without their places. */
function problems(environment: Readonly<Record<string, string>>): readonly string[] {
  try {
    load(environment);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ key, what }) => `${key}: ${what}`);
    throw error;
  }
}

describe('the event log in Kafka', () => {
  it('needs queues in HBase and no more', () => {
    expect(problems({})).toEqual([]);
    const [problem, ...others] = problems({ SPOKE_QUEUES_STORE: 'embedded' });
    expect(problem).toMatch(/^eventLog.store: is "kafka".*queues.store/);
    expect(others).toEqual([]);
  });

  it('is not judged while it is embedded', () => {
    expect(problems({ SPOKE_EVENT_LOG_STORE: 'embedded', SPOKE_KAFKA_MIN_INSYNC_REPLICAS: '3' })).toEqual([]);
  });

  it.each([
    [{ SPOKE_KAFKA_MIN_INSYNC_REPLICAS: '2' }, 'kafka.minInsyncReplicas'],
    [{ SPOKE_KAFKA_REQUEST_TIMEOUT_MS: '20000' }, 'kafka.requestTimeoutMs'],
    [{ SPOKE_KAFKA_CONNECT_TIMEOUT_MS: '20000' }, 'kafka.connectTimeoutMs'],
    [{ SPOKE_KAFKA_TLS_CA_FILE: 'ca.pem' }, 'kafka.tls.caFile'],
    [{ SPOKE_KAFKA_TLS_ENABLED: 'true', SPOKE_KAFKA_TLS_CERT_FILE: 'a.pem' }, 'kafka.tls.keyFile'],
    [{ SPOKE_KAFKA_TLS_ENABLED: 'true', SPOKE_KAFKA_TLS_KEY_FILE: 'a.key' }, 'kafka.tls.certFile'],
    [{ SPOKE_KAFKA_SASL_USERNAME: 'spoke' }, 'kafka.sasl.mechanism'],
    [{ ...SASL, SPOKE_KAFKA_SASL_USERNAME: '' }, 'kafka.sasl.username'],
    [{ ...SASL, SPOKE_KAFKA_SASL_PASSWORD: '' }, 'kafka.sasl.password'],
    [{ SPOKE_LIMITS_PACKET_BYTES_MAX: '100000000' }, 'limits.packetBytesMax'],
    [{ SPOKE_SCHEMA_REGISTRY_URL: 'registry:8081' }, 'schemaRegistry.url'],
    [{ SPOKE_KAFKA_BROKERS: 'kafka-1' }, 'kafka.brokers'],
    [{ SPOKE_KAFKA_TOPIC_PREFIX: 'a b' }, 'kafka.topicPrefix'],
  ])('%j is refused', (environment, key) => {
    const [problem, ...others] = problems(environment);
    expect(problem).toMatch(new RegExp(`^${key}: `));
    expect(others).toEqual([]);
  });

  it('is reached as the configuration says, with the files that it names', async () => {
    for (const file of ['ca.pem', 'client.pem', 'client.key']) writeFileSync(join(directory, file), file);
    const config = load({
      ...SASL,
      SPOKE_BROKER_ID: 'north',
      SPOKE_KAFKA_BROKERS: 'kafka-1:9092,kafka-2:9093',
      SPOKE_KAFKA_TLS_ENABLED: 'true',
      SPOKE_KAFKA_TLS_CA_FILE: 'ca.pem',
      SPOKE_KAFKA_TLS_CERT_FILE: 'client.pem',
      SPOKE_KAFKA_TLS_KEY_FILE: 'client.key',
      SPOKE_KAFKA_TLS_SERVER_NAME: 'kafka.example',
    });
    expect(await kafkaConnection(config, LOGGER)).toMatchObject({
      brokers: ['kafka-1:9092', 'kafka-2:9093'],
      clientId: 'spokemq-north',
      tls: {
        ca: Buffer.from('ca.pem'),
        cert: Buffer.from('client.pem'),
        key: Buffer.from('client.key'),
        servername: 'kafka.example',
      },
      sasl: { mechanism: 'scram-sha-512', username: 'spoke', password: 'river-stone-lamp' },
      requestTimeoutMs: 5_000,
    });
    const plain = await kafkaConnection(load({}), LOGGER);
    expect(plain).not.toHaveProperty('tls');
    expect(plain).not.toHaveProperty('sasl');
  });

  it('names the key and the file that cannot be read', async () => {
    const config = load({ SPOKE_KAFKA_TLS_ENABLED: 'true', SPOKE_KAFKA_TLS_CA_FILE: 'missing.pem' });
    await expect(kafkaConnection(config, LOGGER)).rejects.toThrow(
      /^kafka.tls.caFile: .*missing.pem cannot be read$/,
    );
  });

  it('takes batches that are larger than the largest message', () => {
    const config = load({});
    expect(wantedKafkaTopics(config).messageBytesMax).toBeGreaterThan(config.limits.packetBytesMax);
  });
});

describe('passwords', () => {
  it('are not in what is printed of a configuration; that there is none is', () => {
    const url = 'https://user:tiger@registry/apis/ccompat/v7';
    const shown = JSON.stringify(withoutSecrets(load({ ...SASL, SPOKE_SCHEMA_REGISTRY_URL: url })));
    expect(shown).not.toMatch(/river-stone-lamp|tiger/);
    expect(shown).toContain('"username":"spoke"');
    expect(withoutSecrets(configSchema.parse({}))).toMatchObject({ kafka: { sasl: { password: '' } } });
  });

  it('are not in what is said to be wrong with them', () => {
    const file = join(directory, 'wrong.yaml');
    writeFileSync(file, 'kafka: { sasl: { password: 24681357 } }');
    expect(() => load({}, file)).toThrow(/kafka.sasl.password: cannot be used/);
    expect(() => load({}, file)).not.toThrow(/24681357/);
  });
});
