/** The contract of membership over the ZooKeeper that HBase has anyway. */
import { inject } from 'vitest';
import { ZooKeeperMembers } from '../support/zookeeper-members.ts';
import { membershipContract } from './membership-contract.ts';

/** Longer than the pauses of a busy machine. */
const SESSION_TIMEOUT_MS = 4_000;

let namespaces = 0;

membershipContract('ZooKeeper', () => {
  const namespace = `contract${process.pid}_${++namespaces}`;
  const members = new ZooKeeperMembers(inject('zookeeperQuorum'), namespace, SESSION_TIMEOUT_MS);
  return Promise.resolve({
    join: (member) => members.join(member),
    cutOff: (membership) => {
      members.network(membership).hold();
    },
    dispose: () => members.dispose(),
  });
});
