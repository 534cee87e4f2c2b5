/** The counters of every tenant as metric families, labelled with the tenant. */
import { QUOTA_NAMES } from '../quota/tenant-limits.ts';
import type { TenantId } from '../tenancy/identity.ts';
import { DROP_REASONS, LATENCY_BUCKETS_MS } from './counters.ts';
import type { Counters } from './counters.ts';
import type { HistogramFamily, MetricFamily, Sample } from './exposition.ts';

export type TenantCounters = readonly (readonly [tenant: TenantId, counters: Counters])[];

type PlainCounter = {
  [Name in keyof Counters]: Counters[Name] extends number ? Name : never;
}[keyof Counters];
type QoSCounter = {
  [Name in keyof Counters]: Counters[Name] extends [number, number, number] ? Name : never;
}[keyof Counters];

const PLAIN: readonly (readonly [
  counter: PlainCounter,
  type: MetricFamily['type'],
  name: string,
  help: string,
])[] = [
  ['connections', 'gauge', 'spoke_connections', 'Clients connected now.'],
  ['clusterConnections', 'gauge', 'spoke_cluster_connections', 'Clients connected now, to any broker.'],
  ['connectionsAccepted', 'counter', 'spoke_connections_accepted_total', 'Connections let in.'],
  ['connectionsRefused', 'counter', 'spoke_connections_refused_total', 'Connections refused.'],
  ['sessions', 'gauge', 'spoke_sessions', 'Sessions, connected or not.'],
  ['subscriptions', 'gauge', 'spoke_subscriptions', 'Subscriptions of all sessions.'],
  ['retainedMessages', 'gauge', 'spoke_retained_messages', 'Retained messages.'],
  ['retainedBytes', 'gauge', 'spoke_retained_bytes', 'Bytes of retained messages.'],
  ['sessionsExpired', 'counter', 'spoke_sessions_expired_total', 'Sessions ended by their expiry.'],
  [
    'sessionsOfDeadBrokers',
    'counter',
    'spoke_sessions_closed_for_dead_brokers_total',
    'Sessions closed here because the broker that had them died.',
  ],
  ['takeOvers', 'counter', 'spoke_take_overs_total', 'Connections replaced by another of the same client.'],
  ['willsPublished', 'counter', 'spoke_wills_published_total', 'Wills published.'],
  [
    'protocolViolations',
    'counter',
    'spoke_protocol_violations_total',
    'Connections closed for breaking the protocol.',
  ],
  [
    'publishesRefused',
    'counter',
    'spoke_publishes_refused_total',
    'PUBLISH packets that were not taken: not allowed, or a topic beyond the limits.',
  ],
  [
    'subscriptionsRefused',
    'counter',
    'spoke_subscriptions_refused_total',
    'Filters of SUBSCRIBE that were not granted: not allowed, or beyond the limits.',
  ],
  [
    'subscriptionsWithdrawn',
    'counter',
    'spoke_subscriptions_withdrawn_total',
    'Subscriptions ended because their user may not have them any more.',
  ],
  [
    'keepAliveTimeouts',
    'counter',
    'spoke_keep_alive_timeouts_total',
    'Connections closed for their silence.',
  ],
  ['storeFailures', 'counter', 'spoke_store_failures_total', 'Operations the store did not complete.'],
];

const PER_QOS: readonly (readonly [counter: QoSCounter, name: string, help: string])[] = [
  ['messagesIn', 'spoke_messages_received_total', 'PUBLISH packets from clients.'],
  ['messagesOut', 'spoke_messages_sent_total', 'PUBLISH packets to clients.'],
  ['payloadBytesIn', 'spoke_payload_received_bytes_total', 'Payload bytes from clients.'],
  ['payloadBytesOut', 'spoke_payload_sent_bytes_total', 'Payload bytes to clients.'],
  ['redelivered', 'spoke_messages_redelivered_total', 'PUBLISH packets sent again, with DUP.'],
];

const MS_PER_S = 1000;
const QOS_LEVELS = [0, 1, 2] as const;

export function tenantFamilies(tenants: TenantCounters): readonly (MetricFamily | HistogramFamily)[] {
  const plain = PLAIN.map(([counter, type, name, help]): MetricFamily => {
    return {
      name,
      type,
      help,
      samples: tenants.map(([tenant, counters]) => ({ labels: { tenant }, value: counters[counter] })),
    };
  });
  const perQoS = PER_QOS.map(([counter, name, help]): MetricFamily => {
    return { name, type: 'counter', help, samples: tenants.flatMap((tenant) => qosSamples(tenant, counter)) };
  });
  return [...plain, ...perQoS, drops(tenants), quotasExceeded(tenants), acknowledgementLatency(tenants)];
}

function qosSamples([tenant, counters]: TenantCounters[number], counter: QoSCounter): readonly Sample[] {
  return QOS_LEVELS.map((qos) => ({ labels: { tenant, qos: String(qos) }, value: counters[counter][qos] }));
}

/** Reasons that never happened are there too, as 0: a rate needs a first value. */
function drops(tenants: TenantCounters): MetricFamily {
  return {
    name: 'spoke_messages_dropped_total',
    type: 'counter',
    help: 'Accepted messages that did not reach a subscriber.',
    samples: tenants.flatMap(([tenant, counters]) =>
      DROP_REASONS.map((reason) => ({ labels: { tenant, reason }, value: counters.drops.get(reason) ?? 0 })),
    ),
  };
}

/** As `drops`: those that were never exceeded too. */
function quotasExceeded(tenants: TenantCounters): MetricFamily {
  return {
    name: 'spoke_quota_exceeded_total',
    type: 'counter',
    help: 'Times a quota was exceeded: clients held back, or what they asked for refused.',
    samples: tenants.flatMap(([tenant, counters]) =>
      QUOTA_NAMES.map((quota) => ({
        labels: { tenant, quota },
        value: counters.quotasExceeded.get(quota) ?? 0,
      })),
    ),
  };
}

function acknowledgementLatency(tenants: TenantCounters): HistogramFamily {
  return {
    name: 'spoke_acknowledgement_latency_seconds',
    type: 'histogram',
    help: 'Time from PUBLISH to its PUBACK or PUBREC.',
    bounds: LATENCY_BUCKETS_MS.map((bound) => bound / MS_PER_S),
    samples: tenants.map(
      ([
        tenant,
        {
          acknowledgementLatency: { counts, sumMs },
        },
      ]) => ({
        labels: { tenant },
        counts,
        sum: sumMs / MS_PER_S,
      }),
    ),
  };
}
