/**
 * How a broker is described to the bench (one launcher file per broker), and what a running one offers to a scenario.
 */
import type { Usage } from '../machine/process-usage.ts';

export interface LaunchContext {
  /** Free on 127.0.0.1 a moment ago. */
  readonly port: number;
  /** Fresh, empty, removed afterwards. */
  readonly dataDirectory: string;
  /** Put before the script of brokers that run on Node, for instance to take a CPU profile. */
  readonly nodeArgs: readonly string[];
}

export interface LaunchPlan {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export interface BrokerLauncher {
  readonly name: string;
  /** The settings in one line, for the head of the results. */
  readonly settings: string;
  /** The broker's version, or undefined when it is not installed. */
  readonly version: () => string | undefined;
  /** Says how to start it, and writes its configuration into the data directory. */
  readonly plan: (context: LaunchContext) => LaunchPlan;
}

/** What happened between two instants. */
export interface ObservedUsage {
  readonly elapsedMs: number;
  /** CPU time of the broker, in milliseconds. */
  readonly cpuMs: number;
  /** CPU time of everything on the machine, in milliseconds. */
  readonly machineCpuMs: number;
  /** Of the broker, at the later instant. */
  readonly residentBytes: number;
}

export interface RunningBroker {
  readonly port: number;
  usage(): Usage;
  /** What the broker used between two instants of the monotonic clock; resolves at the later one. */
  usageBetween(fromMs: number, toMs: number): Promise<ObservedUsage>;
  /** What the broker used while `work` was done. */
  usageDuring<Result>(
    work: () => Promise<Result>,
  ): Promise<{ readonly result: Result; readonly usage: ObservedUsage }>;
  /** SIGTERM, and SIGKILL when that is not obeyed in time; then removes the data directory. */
  stop(): Promise<void>;
}
