/** The configuration keys of Kafka and of a schema registry; see `config-schema.ts`. */
import { z } from 'zod';

const MIB = 1024 * 1024;
/** Longest delay a timer of the platform takes. */
const TIMER_MAX_MS = 2 ** 31 - 1;
/** Kafka's own bound is 249, for the whole name of a topic. */
const TOPIC_PREFIX = /^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/;
const PARTITIONS_MAX = 10_000;

const text = (description: string) => z.string().default('').describe(description);
const count = (max: number, fallback: number, description: string) =>
  z.int().min(1).max(max).default(fallback).describe(description);
const durationMs = (fallback: number, description: string) => count(TIMER_MAX_MS, fallback, description);
/** Never printed: see `withoutSecrets`. */
const secret = (description: string) => text(description).meta({ secret: true });

const tls = z.strictObject({
  enabled: z.boolean().default(false).describe('Connects to Kafka with TLS.'),
  caFile: text(
    'Authorities that Kafka’s certificates are checked against, PEM; empty: those of the platform.',
  ),
  certFile: text('Certificate chain that Kafka knows us by, PEM; empty: none.'),
  keyFile: text('Private key of that certificate, PEM.'),
  serverName: text('Name that Kafka’s certificates have to carry; empty: the host that is connected to.'),
});

const sasl = z.strictObject({
  mechanism: z
    .enum(['none', 'plain', 'scram-sha-256', 'scram-sha-512'])
    .default('none')
    .describe('How Kafka is told who we are.'),
  username: text('User that Kafka knows us by.'),
  password: secret('Password of that user; better in the environment than in a file.'),
});

export const kafka = z.strictObject({
  brokers: z
    .string()
    .regex(/^[^\s,]+:\d+(,[^\s,]+:\d+)*$/)
    .default('127.0.0.1:9092')
    .describe('Some of the Kafka brokers: host:port, comma separated.'),
  topicPrefix: z
    .string()
    .regex(TOPIC_PREFIX)
    .default('spoke')
    .describe('In front of `.session-events`, `.retained`, `.tenants` and `.audit`; one per installation.'),
  partitions: count(PARTITIONS_MAX, 16, 'Partitions of each topic; they can never be changed.'),
  replicationFactor: count(32, 1, 'Kafka brokers that hold each record; 3 where nothing must be lost.'),
  minInsyncReplicas: count(32, 1, 'How many of them must have a record before it counts; 2 of 3.'),
  compression: z
    .enum(['none', 'gzip'])
    .default('none')
    .describe('Of what is appended; session events are small, retained messages may not be.'),
  connectTimeoutMs: durationMs(
    3_000,
    'How long a Kafka broker may take to accept a connection, TLS included.',
  ),
  requestTimeoutMs: durationMs(
    5_000,
    'A Kafka broker that has not answered for so long is taken to be gone.',
  ),
  operationTimeoutMs: durationMs(
    20_000,
    'How long an append or a read may take with all its attempts: longer than a new leader takes to be found.',
  ),
  waitingBytesMax: z
    .int()
    .min(MIB)
    .default(64 * MIB)
    .describe('Bytes that may wait to be appended to one topic; what comes on top is refused at once.'),
  unavailableAfterMs: durationMs(
    3_000,
    'How long Kafka must fail before this broker says that it is not ready.',
  ),
  tls: tls.prefault({}),
  sasl: sasl.prefault({}),
});

export const schemaRegistry = z.strictObject({
  url: secret(
    'Schema registry whose ids the values on Kafka carry, for example https://user:password@host/apis/ccompat/v7; empty: none.',
  ),
  register: z
    .boolean()
    .default(true)
    .describe(
      'Whether the broker registers schemas that are missing; otherwise it does not start without them.',
    ),
});
