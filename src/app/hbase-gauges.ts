/** Gauges of the HBase client, and of the queue store over it. */
import type { ClientStats } from '../adapters/hbase/client/client-stats.ts';
import type { GaugeSource } from '../metrics/prometheus.ts';

type Described = readonly [member: keyof ClientStats, type: GaugeSource['type'], name: string, help: string];

const GAUGES: readonly Described[] = [
  ['calls', 'counter', 'spoke_hbase_calls_total', 'Calls sent to HBase, every attempt counted.'],
  ['retries', 'counter', 'spoke_hbase_retries_total', 'Attempts beyond the first of a call.'],
  ['timeouts', 'counter', 'spoke_hbase_timeouts_total', 'Attempts without an answer in their time.'],
  ['lookups', 'counter', 'spoke_hbase_lookups_total', 'Regions looked up in hbase:meta.'],
  ['relocations', 'counter', 'spoke_hbase_relocations_total', 'Regions found elsewhere than they were.'],
  ['connects', 'counter', 'spoke_hbase_connects_total', 'Connections opened to HBase.'],
  [
    'connectFailures',
    'counter',
    'spoke_hbase_connect_failures_total',
    'Connections to HBase that failed to open.',
  ],
  ['connectionsLost', 'counter', 'spoke_hbase_connections_lost_total', 'Connections to HBase that broke.'],
  ['connectionsOpen', 'gauge', 'spoke_hbase_connections', 'Connections open to HBase.'],
  ['callsPending', 'gauge', 'spoke_hbase_calls_pending', 'Calls waiting for an answer of HBase.'],
  ['bytesOut', 'counter', 'spoke_hbase_sent_bytes_total', 'Bytes sent to HBase.'],
  ['bytesIn', 'counter', 'spoke_hbase_received_bytes_total', 'Bytes received from HBase.'],
];

export function clientGauges(stats: ClientStats): GaugeSource[] {
  return GAUGES.map(([member, type, name, help]) => ({ name, help, type, read: () => stats[member] }));
}

/** With the queue store over it. */
export function hbaseGauges(stats: ClientStats, unsyncedBytes: () => number): GaugeSource[] {
  return [
    ...clientGauges(stats),
    {
      name: 'spoke_store_unsynced_bytes',
      help: 'Message bytes of appends that HBase has not answered.',
      type: 'gauge',
      read: unsyncedBytes,
    },
  ];
}
