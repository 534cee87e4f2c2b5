/** Does to a cluster what was planned, and undoes it: returns when everything that was struck has been started, mended or woken. */
import type { Cut, Switchboard } from '../network/switchboard.ts';
import type { PlannedFault } from './planned-fault.ts';

/** What is struck; in a real run `RunningCluster` and the switchboards of its brokers. */
export interface StruckCluster {
  kill(name: string, options: { readonly hold: true }): Promise<void>;
  startAgain(name: string): Promise<void>;
  restart(name: string): Promise<void>;
  waitReady(name: string): Promise<void>;
  pause(name: string): void;
  resume(name: string): void;
  /** Ports of one member that others connect to. */
  portsOf(name: string): readonly number[];
  /** Of one broker. */
  switchboard(name: string): Pick<Switchboard, 'cut' | 'mend'>;
}

export interface StrikeCourse {
  /** Resolves after that many milliseconds. */
  hold(ms: number): Promise<void>;
  /** From now on the others may act for this broker, which runs and must have stopped serving, or does not run yet. */
  deposed(name: string): void;
  /** The undoing begins. */
  healing(): void;
}

/** What the clock of a broker may be late by, and its loop. */
const LEASE_SLACK_MS = 500;

export async function strike(
  fault: PlannedFault,
  cluster: StruckCluster,
  course: StrikeCourse,
): Promise<void> {
  const { kind, targets, holdMs, cut, sessionTimeoutMs } = fault;
  const [first = ''] = targets;
  switch (kind) {
    case 'pause-broker':
      for (const name of targets) cluster.pause(name);
      await course.hold(holdMs);
      for (const name of targets) course.deposed(name);
      course.healing();
      for (const name of targets) cluster.resume(name);
      return;
    case 'rolling-restart':
      for (const name of targets) {
        await cluster.restart(name);
        await cluster.waitReady(name);
      }
      course.healing();
      return;
    case 'cut-zookeeper': {
      const leaseMs = Math.min(holdMs, sessionTimeoutMs + LEASE_SLACK_MS);
      cutOff(targets, cluster, cut, false);
      await course.hold(leaseMs);
      if (holdMs > leaseMs) course.deposed(first);
      await course.hold(holdMs - leaseMs);
      course.healing();
      cluster.switchboard(first).mend();
      return;
    }
    case 'cut-brokers':
    case 'cut-kafka':
    case 'cut-hbase':
      cutOff(targets, cluster, cut, kind === 'cut-brokers');
      await course.hold(holdMs);
      course.healing();
      for (const name of targets.slice(0, kind === 'cut-brokers' ? 2 : 1)) cluster.switchboard(name).mend();
      return;
    default:
      await Promise.all(targets.map((name) => cluster.kill(name, { hold: true })));
      await course.hold(holdMs);
      course.healing();
      await Promise.all(targets.map((name) => cluster.startAgain(name)));
      return;
  }
}

/** The first target from the others; brokers connect to each other from both ends. */
function cutOff(targets: readonly string[], cluster: StruckCluster, cut: Cut, bothWays: boolean): void {
  const [first, ...others] = targets;
  if (first === undefined) return;
  const ports = others.flatMap((name) => cluster.portsOf(name));
  cluster.switchboard(first).cut(ports, cut);
  if (!bothWays) return;
  for (const name of others) cluster.switchboard(name).cut(cluster.portsOf(first), cut);
}
