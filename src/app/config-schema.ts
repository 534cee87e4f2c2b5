/**
 * Every configuration key with its default, its bounds and one line of description; `docs/configuration.md` is
 * held equal to it by a test. Rules that span several keys stand in `config-rules.ts`.
 */
import { z } from 'zod';
import { DEFAULT_TENANT } from '../tenancy/identity.ts';
import { quotasSchema } from '../quota/tenant-limits-schema.ts';
import { parseAddressRange } from '../transport/address-ranges.ts';
import type { CertificateUse } from '../transport/certificate-name.ts';
import { admin, audit } from './admin-schema.ts';
import { auth } from './auth-schema.ts';
import { bridge } from './bridge-schema.ts';
import { cluster } from './cluster-schema.ts';
import { hbase } from './hbase-schema.ts';
import { kafka, schemaRegistry } from './kafka-schema.ts';
import { mqtt } from './mqtt-schema.ts';
import { sessionIds } from './session-ids-schema.ts';
import { tenantName } from './tenant-name-schema.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const DAY_S = 24 * 60 * 60;
const NEVER_EXPIRES_S = 0xffff_ffff;

const count = (fallback: number, description: string) =>
  z.int().min(1).default(fallback).describe(description);
const upTo = (max: number, fallback: number, description: string) =>
  z.int().min(1).max(max).default(fallback).describe(description);
const countOrOff = (fallback: number, description: string) =>
  z.int().min(0).default(fallback).describe(description);

/** Longest delay a timer of the platform takes. */
const TIMER_MAX_MS = 2 ** 31 - 1;
/** The kernel's own bound. */
const TCP_KEEP_ALIVE_MAX_S = 32_767;
const durationMs = (fallback: number, description: string) => upTo(TIMER_MAX_MS, fallback, description);

const addressRange = z.string().superRefine((text, context) => {
  if (parseAddressRange(text) !== undefined) return;
  context.addIssue({
    code: 'custom',
    message: `${JSON.stringify(text)} is neither an IP address nor a range of them`,
    params: { fix: 'Use for example 10.0.0.0/8, fd00::/8 or 192.0.2.7' },
  });
});
const addressRanges = z.array(addressRange).min(1);
const certificateUse = (fallback: CertificateUse) =>
  z.enum(['agrees', 'decides', 'ignored']).default(fallback);

const host = z
  .string()
  .min(1)
  .default('127.0.0.1')
  .describe('Address to listen on; `::` is every address, IPv4 too.');
const port = (fallback: number) =>
  z.int().min(0).max(65535).default(fallback).describe('TCP port; 0 lets the system choose one.');
const path = z.string().regex(/^\//).default('/mqtt').describe('Path of the WebSocket end point.');
const certFile = z.string().min(1).describe('Certificate chain, PEM.');
const keyFile = z.string().min(1).describe('Private key, PEM.');
const tls = z
  .strictObject({
    certFile,
    keyFile,
    certificates: z
      .array(z.strictObject({ certFile, keyFile }))
      .default([])
      .describe(
        'Further `certFile` and `keyFile` pairs, each for clients that ask for a name in it (SNI); others get the first.',
      ),
    minVersion: z.enum(['TLSv1.2', 'TLSv1.3']).default('TLSv1.2').describe('Oldest version of TLS spoken.'),
    caFile: z
      .string()
      .min(1)
      .optional()
      .describe('Authorities that client certificates are checked against, PEM.'),
    clientCertificates: z
      .enum(['none', 'optional', 'required'])
      .default('none')
      .describe('Whether clients may or must show a certificate.'),
    clientName: z
      .enum(['commonName', 'dns', 'email', 'uri'])
      .default('commonName')
      .describe(
        'Where the user name is in a client certificate: in its subject, or the first alternative name of a kind.',
      ),
    clientTenant: tenantName
      .optional()
      .describe('Tenant of all that certificates name; without it a name says it, as `TENANT/NAME`.'),
    clientUser: certificateUse('agrees').describe(
      'A user name in CONNECT has to be the certificate’s (`agrees`), does not count (`decides`), or counts alone (`ignored`).',
    ),
  })
  .describe('Certificate and key of the listener.');

const proxyProtocol = z
  .strictObject({
    trusted: addressRanges.describe('Proxies, as addresses or CIDR ranges; everybody else is refused.'),
    clientUser: certificateUse('ignored').describe(
      'As `tls.clientUser`, for the common name that the proxy says it has verified.',
    ),
  })
  .optional()
  .describe('Every connection has to begin with a PROXY header, version 1 or 2.');
const forwardedFor = z
  .strictObject({
    trusted: addressRanges.describe('Proxies whose X-Forwarded-For is believed: addresses or CIDR ranges.'),
  })
  .optional()
  .describe('Where the client’s address comes from behind HTTP proxies.');
const origin = z.string().refine((text) => URL.canParse(text) && new URL(text).origin === text, {
  error: 'is not the origin of a page',
  params: { fix: 'Use for example https://app.example.com, without a path' },
});
const origins = z
  .array(origin)
  .default([])
  .describe('Origins of the web pages that may connect, for example `https://app.example.com`; empty: any.');
const socket = {
  proxyProtocol,
  tcpKeepAliveS: z
    .int()
    .min(0)
    .max(TCP_KEEP_ALIVE_MAX_S)
    .default(60)
    .describe('Silence after which TCP asks whether the peer is still there, seconds; 0: never.'),
  noDelay: z.boolean().default(true).describe('Small packets leave at once, not collected by TCP.'),
};

const listener = z.discriminatedUnion('transport', [
  z.strictObject({ transport: z.literal('tcp'), host, port: port(1883), ...socket }),
  z.strictObject({ transport: z.literal('tls'), host, port: port(8883), tls, ...socket }),
  z.strictObject({
    transport: z.literal('ws'),
    host,
    port: port(8083),
    path,
    forwardedFor,
    origins,
    ...socket,
  }),
  z.strictObject({
    transport: z.literal('wss'),
    host,
    port: port(8084),
    path,
    tls,
    forwardedFor,
    origins,
    ...socket,
  }),
]);

const quotaPolicy = (fallback: 'reject' | 'drop-oldest' | 'drop-newest', description: string) =>
  z.enum(['reject', 'drop-oldest', 'drop-newest']).default(fallback).describe(description);

const limits = z.strictObject({
  packetBytesMax: upTo(268_435_460, MIB, 'Largest packet accepted, bytes; announced to MQTT 5 clients.'),
  connectTimeoutMs: durationMs(10_000, 'Time from the connection to its complete CONNECT, TLS included.'),
  connectionsMax: count(100_000, 'Connections at a time, over all listeners.'),
  connectionRateMax: count(5_000, 'Connections accepted per second, over all listeners; more are refused.'),
  connectionsPerAddressMax: countOrOff(
    0,
    'Connections at a time from one address, a /64 of IPv6 counting as one; 0: no limit.',
  ),
  keepAliveMaxS: upTo(
    65_535,
    65_535,
    'Longest keep-alive; MQTT 5 clients that ask for more are told this one.',
  ),
  sessionsMax: count(1_000_000, 'Sessions, connected or not.'),
  sessionExpiryMaxS: upTo(
    NEVER_EXPIRES_S,
    30 * DAY_S,
    `Longest a session outlives its connection; ${NEVER_EXPIRES_S} lets sessions live for ever.`,
  ),
  clientIdBytesMax: upTo(65_535, 1_024, 'Length of a client identifier, and of a client’s user name, bytes.'),
  subscriptionsPerSessionMax: count(10_000, 'Subscriptions of one session.'),
  wildcardLevelsPerSessionMax: count(
    20_000,
    'Levels from the first `+` on, of all filters of one session; they cost every publish.',
  ),
  topicLevelsMax: upTo(65_535, 128, 'Levels of a topic or filter.'),
  topicBytesMax: upTo(65_535, 65_535, 'Length of a topic or filter, bytes.'),
  receiveMaximum: upTo(
    65_535,
    1_024,
    'QoS 1 and 2 messages a client may send without waiting; announced to it.',
  ),
  requestsMax: upTo(
    65_535,
    16,
    'SUBSCRIBE and UNSUBSCRIBE packets of one client under way at a time; then it is read no further.',
  ),
  topicAliasMaximum: z
    .int()
    .min(0)
    .max(65_535)
    .default(64)
    .describe('Topic aliases per connection and direction.'),
  inFlightMax: upTo(65_535, 1_024, 'Unacknowledged messages sent to one client, whatever it asked for.'),
  outboxBytesHigh: count(
    MIB,
    'Bytes waiting for a slow socket above which it gets nothing new; QoS 0 is dropped.',
  ),
  stallTimeoutMs: durationMs(
    300_000,
    'Time in which a socket has to take what is written to it, else the client is dropped.',
  ),
  durableQueue: z
    .strictObject({
      messagesMax: count(1_000_000, 'Messages in the queue of one persistent session.'),
      bytesMax: count(1024 * MIB, 'Bytes in the queue of one persistent session.'),
      policy: quotaPolicy(
        'reject',
        'When full: `reject` tells the publisher (0x97), the others lose a message that was acknowledged.',
      ),
    })
    .prefault({}),
  transientQueue: z
    .strictObject({
      messagesMax: count(10_000, 'Messages waiting in memory for one transient session.'),
      bytesMax: count(8 * MIB, 'Bytes waiting in memory for one transient session.'),
      policy: quotaPolicy(
        'drop-newest',
        'When full: one slow client must not refuse everybody’s messages, so not `reject`.',
      ),
    })
    .prefault({}),
  messageAgeMaxS: countOrOff(
    0,
    'Age at which a queued message is dropped, seconds; 0: only by its own expiry.',
  ),
  retainedMessagesMax: count(1_000_000, 'Retained messages of one tenant.'),
  retainedBytesMax: count(256 * MIB, 'Bytes of retained messages of one tenant.'),
  unsyncedBytesHigh: count(
    64 * MIB,
    'Accepted but not yet durable bytes at which reading from publishers stops.',
  ),
  storeTimeoutMs: durationMs(
    10_000,
    'How long the store may take before a publisher is disconnected (0x89).',
  ),
});

export const configSchema = z.strictObject({
  broker: z
    .strictObject({
      id: z
        .string()
        .regex(/^[A-Za-z0-9._-]{1,64}$/)
        .default('spoke-1')
        .describe('Name of this broker in logs, metrics and the event log.'),
    })
    .prefault({}),
  profile: z
    .enum(['embedded'])
    .default('embedded')
    .describe('Where state lives that no other key puts elsewhere: `embedded` is one local store.'),
  dataDirectory: z
    .string()
    .min(1)
    .default('./data')
    .describe('Directory of the embedded store and of the token of the admin API.'),
  durability: z
    .enum(['fsync', 'os'])
    .default('fsync')
    .describe('`fsync` survives power loss; `os` only the death of the process, but is faster.'),
  tenants: z
    .array(tenantName)
    .min(1)
    .default([DEFAULT_TENANT])
    .describe('Tenants that are there without anybody having made them with `spoke tenant create`.'),
  defaultTenant: z
    .union([tenantName, z.literal('')])
    .default(DEFAULT_TENANT)
    .describe(
      'Tenant of names without `/`, wherever users are named, and of clients that send none; empty: there are no such users.',
    ),
  listeners: z
    .array(listener)
    .min(1)
    .prefault([{ transport: 'tcp' }, { transport: 'ws' }])
    .describe('Where clients connect.'),
  allowInsecureRemote: z
    .boolean()
    .default(false)
    .describe('Permits anonymous clients, or the admin API, beyond this machine.'),
  auth: auth.prefault({}),
  bridge: bridge.prefault({}),
  mqtt: mqtt.prefault({}),
  admin: admin.prefault({}),
  audit: audit.prefault({}),
  limits: limits.prefault({}),
  quotas: quotasSchema.prefault({}),
  queues: z
    .strictObject({
      store: z
        .enum(['embedded', 'hbase'])
        .default('embedded')
        .describe('Where durable queues are: in `dataDirectory`, or in the HBase that `hbase` names.'),
    })
    .prefault({}),
  sessionIds: sessionIds.prefault({}),
  hbase: hbase.prefault({}),
  eventLog: z
    .strictObject({
      store: z
        .enum(['embedded', 'kafka'])
        .default('embedded')
        .describe(
          'Where sessions, subscriptions and retained messages are recorded: in `dataDirectory`, or in the Kafka that `kafka` names; snapshots and ids are then in HBase.',
        ),
      compactionLagMs: z
        .int()
        .min(0)
        .default(7 * DAY_S * 1000)
        .describe('How long every single session event stays readable before compaction.'),
    })
    .prefault({}),
  kafka: kafka.prefault({}),
  schemaRegistry: schemaRegistry.prefault({}),
  cluster: cluster.prefault({}),
  storage: z
    .strictObject({
      segmentBytes: z
        .int()
        .min(64 * KIB)
        .default(64 * MIB)
        .describe('Size of one file of the embedded logs; space is given back in such pieces.'),
    })
    .prefault({}),
  snapshot: z
    .strictObject({
      everyRecords: count(10_000, 'Event log records after which the snapshot is brought up to date.'),
      everyMs: durationMs(5_000, 'Time after which the snapshot is brought up to date, if anything changed.'),
    })
    .prefault({}),
  metadata: z
    .strictObject({
      inBroker: z
        .boolean()
        .default(true)
        .describe('Brokers fold the event log into the snapshots; `false` leaves it to `spoke metadata`.'),
      sessionTimeoutMs: z
        .int()
        .min(6_000)
        .max(1_800_000)
        .default(10_000)
        .describe(
          'Silence after which others take over the partitions that a process folds; within Kafka’s bounds.',
        ),
      pollMs: durationMs(1_000, 'How often `spoke metadata` asks Kafka whether there is more to fold.'),
    })
    .prefault({}),
  sys: z
    .strictObject({ intervalS: countOrOff(10, 'Seconds between `$SYS` messages; 0 turns them off.') })
    .prefault({}),
  log: z
    .strictObject({
      level: z
        .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
        .default('info')
        .describe('Least important level that is logged.'),
      format: z
        .enum(['auto', 'json', 'pretty'])
        .default('auto')
        .describe('`auto` is `pretty` on a terminal and `json` elsewhere.'),
    })
    .prefault({}),
  shutdown: z
    .strictObject({
      deadlineMs: durationMs(10_000, 'How long a graceful stop may take before it is cut short.'),
    })
    .prefault({}),
});

export type SpokeConfig = z.output<typeof configSchema>;
export type ListenerConfig = SpokeConfig['listeners'][number];
