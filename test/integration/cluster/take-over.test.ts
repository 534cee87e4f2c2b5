/** The take-over matrix with the later connection at another broker on the same log. */
import { afterAll, beforeAll, inject } from 'vitest';
import { newCluster } from '../../support/cluster-brokers.ts';
import { RunningBroker } from '../../support/running-broker.ts';
import { describeTakeOvers } from '../support/take-over-matrix.ts';

let here: RunningBroker;
let there: RunningBroker;

beforeAll(async () => {
  const cluster = await newCluster({
    zookeeperQuorum: inject('zookeeperQuorum'),
    kafkaBrokers: inject('kafkaAddress'),
  });
  here = await RunningBroker.start({ ...cluster, broker: { id: 'here' } });
  there = await RunningBroker.start({ ...cluster, broker: { id: 'there' } });
});

afterAll(async () => {
  await here.dispose();
  await there.dispose();
});

describeTakeOvers(() => ({ first: here, second: there }));
