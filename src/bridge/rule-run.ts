/** One rule while this broker serves it. What fails is tried again until it is stopped. */
import type { Broker } from '../broker/broker.ts';
import type { TenantBroker } from '../broker/tenant-broker.ts';
import type { BridgeBus } from './bus.ts';
import type { RuleCounters } from './rule-counters.ts';

export interface RuleRun {
  /** Resolves when nothing is under way any more. */
  stop(): Promise<void>;
}

export interface RuleContext {
  readonly broker: Broker;
  readonly tenantBroker: TenantBroker;
  readonly bus: BridgeBus;
  readonly counters: RuleCounters;
}

/** Between two attempts, from the first to the last of a row. */
export const RETRY_MS_MIN = 100;
export const RETRY_MS_MAX = 2_000;
/** How often it is counted what waits. */
export const LAG_EVERY_MS = 5_000;
