/** What a broker promises alone, it promises with its event log in Kafka and everything else in HBase: the same tests once more. */
import { inject } from 'vitest';
import { newCluster } from '../../support/cluster-brokers.ts';
import { startBrokersAt } from '../../support/running-broker.ts';

startBrokersAt(() =>
  newCluster({ zookeeperQuorum: inject('zookeeperQuorum'), kafkaBrokers: inject('kafkaAddress') }),
);
await import('../qos.test.ts');
await import('../restart.test.ts');
