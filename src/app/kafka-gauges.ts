/** Gauges of the event log in Kafka, one line per topic. */
import type { KafkaLogStats } from '../adapters/kafka/event-log/kafka-log-stats.ts';
import type { GaugeSource } from '../metrics/prometheus.ts';
import type { KafkaTopicLog } from './kafka-logs.ts';

type Described = readonly [
  member: keyof KafkaLogStats,
  type: GaugeSource['type'],
  name: string,
  help: string,
];

const GAUGES: readonly Described[] = [
  [
    'recordsAppended',
    'counter',
    'spoke_kafka_records_appended_total',
    'Log records that Kafka has acknowledged.',
  ],
  [
    'produceRequests',
    'counter',
    'spoke_kafka_produce_requests_total',
    'Requests that carried them; several appends share one.',
  ],
  [
    'batchesRepeated',
    'counter',
    'spoke_kafka_batches_repeated_total',
    'Batches sent again because Kafka did not take them.',
  ],
  [
    'appendsRejected',
    'counter',
    'spoke_kafka_appends_rejected_total',
    'Appends that failed for whoever waited for them.',
  ],
  ['recordsRead', 'counter', 'spoke_kafka_records_read_total', 'Log records read.'],
  ['fetchRequests', 'counter', 'spoke_kafka_fetch_requests_total', 'Requests for log records.'],
  [
    'recordsWaiting',
    'gauge',
    'spoke_kafka_records_waiting',
    'Log records that Kafka has not acknowledged yet.',
  ],
  ['bytesWaiting', 'gauge', 'spoke_kafka_bytes_waiting', 'Bytes of those records.'],
];

export function kafkaGauges(logs: readonly KafkaTopicLog[]): GaugeSource[] {
  const samples = (valueOf: (log: KafkaTopicLog) => number) => () =>
    logs.map((log) => ({ labels: { topic: log.topic }, value: valueOf(log) }));
  return [
    {
      name: 'spoke_kafka_available',
      help: '1 while Kafka answers, 0 when it has failed for kafka.unavailableAfterMs.',
      type: 'gauge',
      read: samples(({ available }) => (available ? 1 : 0)),
    },
    ...GAUGES.map(([member, type, name, help]) => ({
      name,
      help,
      type,
      read: samples(({ stats }) => stats[member]),
    })),
  ];
}
