/** Gauges of the metadata services: how far the snapshots are behind, and what keeps them there. */
import type { MetadataService } from '../metadata/metadata-service.ts';
import type { SessionFold } from '../metadata/session-fold.ts';
import type { Sample } from '../metrics/exposition.ts';
import type { GaugeSource } from '../metrics/prometheus.ts';
import type { RunningService } from './metadata-services.ts';

type PerTopic = readonly [
  name: string,
  type: GaugeSource['type'],
  help: string,
  read: (service: MetadataService) => number,
];

const PER_TOPIC: readonly PerTopic[] = [
  ['spoke_snapshot_partitions', 'gauge', 'Partitions that this process folds.', ({ lags }) => lags.length],
  [
    'spoke_snapshot_checkpoints_total',
    'counter',
    'Checkpoints taken of the snapshot.',
    ({ checkpoints }) => checkpoints,
  ],
  ['spoke_snapshot_records_total', 'counter', 'Log records folded.', ({ records }) => records],
  ['spoke_snapshot_rows_total', 'counter', 'Rows written to the snapshot.', ({ rows }) => rows],
  [
    'spoke_snapshot_failures_total',
    'counter',
    'Steps of the snapshot that failed and were tried again.',
    ({ failures }) => failures,
  ],
];

export function serviceGauges(services: readonly RunningService[]): readonly GaugeSource[] {
  const perPartition = (read: (lag: MetadataService['lags'][number]) => number): Sample[] =>
    services.flatMap(({ name, service }) =>
      service.lags.map((lag) => ({
        labels: { topic: name, partition: `${lag.partition}` },
        value: read(lag),
      })),
    );
  return [
    {
      name: 'spoke_snapshot_lag_records',
      help: 'Log records that the snapshot does not hold yet, of the partitions that this process folds.',
      type: 'gauge',
      read: () => perPartition(({ records }) => records),
    },
    {
      name: 'spoke_snapshot_lag_seconds',
      help: 'Age of the oldest of these records; 0: there is none.',
      type: 'gauge',
      read: () => perPartition(({ ms }) => ms / 1000),
    },
    ...PER_TOPIC.map(([name, type, help, read]) => ({
      name,
      help,
      type,
      read: () => services.map(({ name: topic, service }) => ({ labels: { topic }, value: read(service) })),
    })),
  ];
}

/** Where several processes write to the log. */
export function sessionFoldGauges(sessionFold: SessionFold): readonly GaugeSource[] {
  return [
    {
      name: 'spoke_snapshot_owners',
      help: 'Sessions whose owner is kept in mind, to tell late records from those that count.',
      type: 'gauge',
      read: () => sessionFold.sessions,
    },
    {
      name: 'spoke_snapshot_ignored_records_total',
      help: 'Session and subscription records that did not count: late ones, or such as the snapshot had.',
      type: 'counter',
      read: () => sessionFold.ignored,
    },
    {
      name: 'spoke_snapshot_undecodable_records_total',
      help: 'Records of a newer release, put into the snapshot as they are.',
      type: 'counter',
      read: () => sessionFold.undecodable,
    },
  ];
}
