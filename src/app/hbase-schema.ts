/** The configuration keys of HBase; see `config-schema.ts`. */
import { z } from 'zod';

const DAY_S = 24 * 60 * 60;
/** Longest delay a timer of the platform takes. */
const TIMER_MAX_MS = 2 ** 31 - 1;
/** HBase's own bound. */
const TTL_MAX_S = 2 ** 31 - 1;

const upTo = (max: number, fallback: number, description: string) =>
  z.int().min(1).max(max).default(fallback).describe(description);
const durationMs = (fallback: number, description: string) => upTo(TIMER_MAX_MS, fallback, description);

export const hbase = z.strictObject({
  zookeeperQuorum: z
    .string()
    .regex(/^[^\s,]+:\d+(,[^\s,]+:\d+)*$/)
    .default('127.0.0.1:2181')
    .describe('ZooKeeper of the HBase cluster: host:port, comma separated.'),
  znodeParent: z
    .string()
    .regex(/^\//)
    .default('/hbase')
    .describe('Where HBase keeps its nodes in ZooKeeper.'),
  namespace: z
    .string()
    .regex(/^[A-Za-z0-9_]+$/)
    .default('spoke')
    .describe('HBase namespace of the tables; one per installation.'),
  effectiveUser: z.string().min(1).default('spokemq').describe('User that HBase takes the calls for.'),
  operationTimeoutMs: durationMs(6_000, 'How long one call may take with all its attempts.'),
  attemptTimeoutMs: durationMs(
    2_000,
    'How long one attempt of a call may take; a slower server is tried again.',
  ),
  connectTimeoutMs: durationMs(1_000, 'How long a region server may take to accept a connection.'),
  appendCallsMax: upTo(128, 16, 'Appends under way at a time; fewer carry more messages each.'),
  messageTtlS: z
    .int()
    .min(0)
    .max(TTL_MAX_S)
    .default(365 * DAY_S)
    .describe('Safety net: HBase forgets messages of this age, whatever their session does; 0: never.'),
  inMemoryCompaction: z
    .enum(['NONE', 'BASIC', 'EAGER'])
    .default('BASIC')
    .describe('How region servers keep the tables in memory before they write files.'),
  coprocessorJar: z
    .string()
    .default('')
    .describe(
      'Where region servers find the queue endpoint, for example hdfs:///…; empty: on their class path.',
    ),
});
