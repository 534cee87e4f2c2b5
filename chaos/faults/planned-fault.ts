/**
 * What goes wrong, chosen and timed by a seed: each kind of fault once, in a shuffled order, then any. Pure: the same seed and the same
 * cluster give the same faults.
 */
import type { SeededRandom } from '../../src/fleet/seeded-random.ts';
import type { Cut } from '../network/switchboard.ts';

export const FAULT_KINDS = [
  'kill-broker',
  'kill-two-brokers',
  'pause-broker',
  'kill-metadata',
  'kill-kafka',
  'kill-region-server',
  'kill-hbase-master',
  'kill-zookeeper',
  'kill-haproxy',
  'cut-brokers',
  'cut-kafka',
  'cut-hbase',
  'cut-zookeeper',
  'rolling-restart',
] as const;

export type FaultKind = (typeof FAULT_KINDS)[number];

/** The members of the cluster, by name; faults that need one that is not there are left out. */
export interface ClusterShape {
  readonly brokers: readonly string[];
  readonly metadata: readonly string[];
  readonly kafka: readonly string[];
  readonly regionServers: readonly string[];
  readonly hbaseMaster: readonly string[];
  readonly zookeeper: readonly string[];
  readonly haproxy: readonly string[];
  /** How long ZooKeeper takes a broker that does not answer to be alive. */
  readonly sessionTimeoutMs: number;
}

export interface PlannedFault {
  readonly kind: FaultKind;
  /** Whom it strikes: the process, or both ends of what is cut. Those of a rolling restart in order. */
  readonly targets: readonly string[];
  /** How long until it is undone. */
  readonly holdMs: number;
  /** How long ZooKeeper takes a broker that does not answer to be alive. */
  readonly sessionTimeoutMs: number;
  /** Of cuts. */
  readonly cut: Cut;
  /** How long nothing happens before it. */
  readonly restMs: number;
}

const REST_MS = { min: 2_000, max: 5_000 };
/** Beyond the session, so that the others have taken the broker for dead for a while when it wakes. */
const BEYOND_SESSION_MS = { min: 3_000, max: 6_000 };
const HOLD_MS: Readonly<Record<'kill' | 'cut', { readonly min: number; readonly max: number }>> = {
  kill: { min: 300, max: 9_000 },
  cut: { min: 3_000, max: 14_000 },
};

/** Endless. @throws RangeError when the cluster allows none of `kinds`. */
export function* plannedFaults(
  shape: ClusterShape,
  random: SeededRandom,
  kinds: readonly FaultKind[] = FAULT_KINDS,
): Generator<PlannedFault, never, void> {
  const possible = kinds.filter((kind) => candidates(kind, shape).length > 0);
  if (possible.length === 0) throw new RangeError('the cluster has nothing that these faults could strike');
  for (let round = 0; ; round++) {
    const order = random.fork(`order ${round}`);
    for (const [index, kind] of shuffled(possible, order).entries())
      yield planned(kind, shape, random.fork(`fault ${round} ${index}`));
  }
}

/** The faults of one round in the order given. @throws RangeError */
export function faultsInOrder(
  shape: ClusterShape,
  random: SeededRandom,
  kinds: readonly FaultKind[],
): readonly PlannedFault[] {
  return kinds.map((kind, index) => planned(kind, shape, random.fork(`fault 0 ${index}`)));
}

function planned(kind: FaultKind, shape: ClusterShape, random: SeededRandom): PlannedFault {
  const choices = candidates(kind, shape);
  const targets = choices[random.integer(0, choices.length - 1)];
  if (targets === undefined) throw new RangeError(`the cluster has nothing that ${kind} could strike`);
  return {
    kind,
    targets,
    holdMs: Math.round(holdMs(kind, shape, random)),
    sessionTimeoutMs: shape.sessionTimeoutMs,
    cut: random.chance(0.7) ? 'silent' : 'reset',
    restMs: Math.round(random.between(REST_MS.min, REST_MS.max)),
  };
}

function candidates(kind: FaultKind, shape: ClusterShape): readonly (readonly string[])[] {
  const { brokers, metadata, kafka, regionServers, hbaseMaster, zookeeper, haproxy } = shape;
  switch (kind) {
    case 'kill-broker':
    case 'pause-broker':
      return brokers.length > 1 ? brokers.map((name) => [name]) : [];
    case 'kill-two-brokers':
      return brokers.length > 2 ? pairs(brokers) : [];
    case 'kill-metadata':
      return metadata.map((name) => [name]);
    case 'kill-kafka':
      return kafka.map((name) => [name]);
    case 'kill-region-server':
      return regionServers.map((name) => [name]);
    case 'kill-hbase-master':
      return hbaseMaster.map((name) => [name]);
    case 'kill-zookeeper':
      return zookeeper.map((name) => [name]);
    case 'kill-haproxy':
      return haproxy.map((name) => [name]);
    case 'cut-brokers':
      return pairs(brokers);
    case 'cut-kafka':
      return kafka.length > 0 ? brokers.map((name) => [name, ...kafka]) : [];
    case 'cut-hbase':
      return regionServers.length > 0 ? brokers.map((name) => [name, ...hbaseMaster, ...regionServers]) : [];
    case 'cut-zookeeper':
      return zookeeper.flatMap((server) => brokers.map((name) => [name, server]));
    case 'rolling-restart':
      return [
        [...metadata, ...brokers, ...regionServers, ...hbaseMaster, ...zookeeper, ...kafka, ...haproxy],
      ];
  }
}

function holdMs(kind: FaultKind, { sessionTimeoutMs }: ClusterShape, random: SeededRandom): number {
  switch (kind) {
    case 'rolling-restart':
      return 0;
    case 'pause-broker':
    case 'cut-zookeeper':
      return sessionTimeoutMs + random.between(BEYOND_SESSION_MS.min, BEYOND_SESSION_MS.max);
    case 'cut-brokers':
    case 'cut-kafka':
    case 'cut-hbase':
      return random.between(HOLD_MS.cut.min, HOLD_MS.cut.max);
    default:
      return random.between(HOLD_MS.kill.min, HOLD_MS.kill.max);
  }
}

function pairs(names: readonly string[]): readonly (readonly string[])[] {
  return names.flatMap((one, index) => names.slice(index + 1).map((other) => [one, other]));
}

function shuffled<Item>(items: readonly Item[], random: SeededRandom): readonly Item[] {
  return items
    .map((item) => ({ item, place: random.next() }))
    .sort((one, other) => one.place - other.place)
    .map(({ item }) => item);
}

/** In words, such as `broker-2 killed, started again after 3.1 s`. */
export function faultText({ kind, targets, holdMs, cut }: PlannedFault): string {
  const seconds = `${(holdMs / 1000).toFixed(1)} s`;
  const [first = '', ...others] = targets;
  switch (kind) {
    case 'pause-broker':
      return `${first} stopped (SIGSTOP) for ${seconds}`;
    case 'rolling-restart':
      return `rolling restart of ${targets.length} processes`;
    case 'cut-brokers':
    case 'cut-kafka':
    case 'cut-hbase':
    case 'cut-zookeeper':
      return `${first} cut off from ${others.join(', ')} for ${seconds}, ${cut === 'silent' ? 'silently' : 'with resets'}`;
    default:
      return `${targets.join(' and ')} killed, started again after ${seconds}`;
  }
}
