/** What every tenant's broker is given: stores, time, limits, and the batchers that all tenants share. */
import type { AuditNotes } from '../audit/audit-trail.ts';
import type { Authenticator, EnhancedAuthenticator } from '../auth/authenticator.ts';
import type { EventLog } from '../event-log/event-log.ts';
import type { DurableQueueStore } from '../queue/durable-queue.ts';
import type { TenantLimits } from '../quota/tenant-limits.ts';
import type { SessionIdGenerator } from '../session/session-id-generator.ts';
import type { Incarnation, TenantId } from '../tenancy/identity.ts';
import type { Clock, Timers } from '../time/clock.ts';
import type { AppendBatcher } from './append-batcher.ts';
import type { BrokerLimits } from './limits.ts';
import type { BrokerLog } from './broker-log.ts';
import type { MarkBatcher } from './mark-batcher.ts';
import type { PeerExchange } from './peers/peer-exchange.ts';
import type { PublisherBrake } from './publisher-brake.ts';
import type { StagedRetained } from './staged-retained.ts';
import type { TrimBatcher } from './trim-batcher.ts';

export interface BrokerServices {
  readonly incarnation: Incarnation;
  /** Other brokers write to the same logs: what is true here may have changed before a record of ours is there. */
  readonly logsAreShared: boolean;
  readonly sessionLog: EventLog;
  readonly retainedLog: EventLog;
  readonly store: DurableQueueStore;
  readonly sessionIds: SessionIdGenerator;
  /** Where refused logins and exceeded quotas are noted. */
  readonly audit: AuditNotes;
  readonly authenticator: Authenticator;
  /** Of clients whose user name says none; undefined: they are refused. */
  readonly defaultTenant: TenantId | undefined;
  /** Whether clients of the tenant are shown to that authenticator by now, see `Principal.admittedBy`. Default: they are. */
  readonly isAsked?: (tenant: TenantId, authenticator: string) => boolean;
  /** Methods of MQTT 5 enhanced authentication that are offered. */
  readonly enhancedAuthenticators: readonly EnhancedAuthenticator[];
  /** Topic where answers to a client go, with place-holders: told to those that ask. Default: none. */
  readonly responseInformation?: string;
  readonly batcher: AppendBatcher;
  readonly trims: TrimBatcher;
  readonly marks: MarkBatcher;
  /** What goes to other brokers and comes from them. */
  readonly peers: PeerExchange;
  readonly brake: PublisherBrake;
  readonly stagedRetained: StagedRetained;
  readonly clock: Clock;
  readonly timers: Timers;
  /** Of the broker; a tenant may have lower ones, see `TenantBroker.limits`. */
  readonly limits: BrokerLimits;
  /** Of tenants that nothing else is said of. Default: none but `limits`. */
  readonly quotas?: TenantLimits;
  /** What is said of a tenant by now; call `TenantBroker.limitsChanged` when it says something else. Default: nothing. */
  readonly limitsOf?: (tenant: TenantId) => TenantLimits;
  readonly log: BrokerLog;
  readonly onStoreError: (error: unknown) => void;
  /** Unique text for assigned client identifiers. */
  readonly randomId: () => string;
}
