import { describe, expect, it } from 'vitest';
import {
  FAULT_KINDS,
  faultsInOrder,
  faultText,
  plannedFaults,
  type ClusterShape,
  type PlannedFault,
} from '../../../chaos/faults/planned-fault.ts';
import { SeededRandom } from '../../../src/fleet/seeded-random.ts';

const WHOLE: ClusterShape = {
  brokers: ['broker-1', 'broker-2', 'broker-3'],
  metadata: ['metadata-1'],
  kafka: ['kafka'],
  regionServers: ['region-server-1', 'region-server-2'],
  hbaseMaster: ['hbase-master'],
  zookeeper: ['zookeeper'],
  haproxy: ['haproxy'],
  sessionTimeoutMs: 6_000,
};
const ONE_BROKER: ClusterShape = {
  ...WHOLE,
  brokers: ['broker-1'],
  metadata: [],
  kafka: [],
  regionServers: [],
  hbaseMaster: [],
  zookeeper: [],
  haproxy: [],
};

function take(shape: ClusterShape, seed: number, count: number): readonly PlannedFault[] {
  const faults = plannedFaults(shape, new SeededRandom(seed));
  return Array.from({ length: count }, () => faults.next().value);
}

describe('planned faults', () => {
  it('are the same for the same seed, and others for another', () => {
    expect(take(WHOLE, 1, 40)).toEqual(take(WHOLE, 1, 40));
    expect(take(WHOLE, 2, 40)).not.toEqual(take(WHOLE, 1, 40));
  });

  it('are each kind once before any comes again', () => {
    const round = FAULT_KINDS.length;
    const kinds = take(WHOLE, 3, 2 * round).map(({ kind }) => kind);
    expect(new Set(kinds.slice(0, round))).toEqual(new Set(FAULT_KINDS));
    expect(new Set(kinds.slice(round))).toEqual(new Set(FAULT_KINDS));
  });

  it('outlast the session of a broker that is stopped, or cut off from ZooKeeper', () => {
    const holds = take(WHOLE, 4, 200).filter(
      ({ kind }) => kind === 'pause-broker' || kind === 'cut-zookeeper',
    );
    expect(Math.min(...holds.map(({ holdMs }) => holdMs))).toBeGreaterThanOrEqual(6_000 + 3_000);
  });

  it('never strike all brokers at once, and sooner or later every one', () => {
    const killed = take(WHOLE, 5, 300).filter(({ kind }) => kind === 'kill-two-brokers');
    expect(killed.every(({ targets }) => new Set(targets).size === 2)).toBe(true);
    expect(new Set(killed.flatMap(({ targets }) => targets))).toEqual(new Set(WHOLE.brokers));
  });

  it('leave out what the cluster does not have', () => {
    expect(new Set(take(ONE_BROKER, 6, 30).map(({ kind }) => kind))).toEqual(new Set(['rolling-restart']));
    expect(() => faultsInOrder(ONE_BROKER, new SeededRandom(6), ['kill-kafka'])).toThrow(RangeError);
  });

  it('can be asked for in an order, with the victims and times of that seed', () => {
    const kinds = ['kill-kafka', 'cut-hbase'] as const;
    const faults = faultsInOrder(WHOLE, new SeededRandom(7), kinds);
    expect(faults.map(({ kind }) => kind)).toEqual(kinds);
    expect(faults).toEqual(faultsInOrder(WHOLE, new SeededRandom(7), kinds));
  });

  it('are told in words', () => {
    const fault = (kind: PlannedFault['kind'], targets: readonly string[]): PlannedFault => {
      return { kind, targets, holdMs: 3_140, cut: 'silent', restMs: 0, sessionTimeoutMs: 6_000 };
    };
    const texts = [
      fault('kill-two-brokers', ['broker-1', 'broker-3']),
      fault('pause-broker', ['broker-2']),
      fault('cut-hbase', ['broker-1', 'hbase-master', 'region-server-1']),
      fault('rolling-restart', ['broker-1', 'kafka']),
    ].map(faultText);
    expect(texts).toEqual([
      'broker-1 and broker-3 killed, started again after 3.1 s',
      'broker-2 stopped (SIGSTOP) for 3.1 s',
      'broker-1 cut off from hbase-master, region-server-1 for 3.1 s, silently',
      'rolling restart of 2 processes',
    ]);
  });
});
