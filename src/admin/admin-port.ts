/**
 * What the admin API asks of the broker. Lists come in pages of a bounded size; a cursor is opaque, stays valid
 * while the broker runs, and skips or repeats nothing that was there all the time.
 */
import type {
  AdministrativeChange,
  AuditEntry,
  AuditEvent,
  AuditKind,
  AuditNote,
} from '../audit/audit-event.ts';
import type { MemberState } from '../cluster/member-roster.ts';
import type { Subscription, SessionOwner, SessionState } from '../session/events.ts';
import type { QoS } from '../mqtt/qos.ts';
import type { LogPosition, Offset } from '../event-log/event-log.ts';
import type { QueueBounds, QueueKind, QueueQuota } from '../queue/durable-queue.ts';
import type { ClientId, Incarnation, SessionId, TenantId } from '../tenancy/identity.ts';
import type { TenantsPort } from './tenants-port.ts';

export interface PageRequest {
  /** From the page before; undefined: the first page. */
  readonly cursor: string | undefined;
  /** 1 to `PAGE_ITEMS_MAX`. */
  readonly limit: number;
}

export const PAGE_ITEMS_MAX = 1_000;

export interface Page<Item> {
  readonly items: readonly Item[];
  /** undefined: this was the last page. */
  readonly next: string | undefined;
}

export interface SessionQuery extends PageRequest {
  readonly tenant: TenantId | undefined;
  readonly connected: boolean | undefined;
  /** Only client identifiers that contain this. */
  readonly match: string | undefined;
}

export interface SessionSummary extends Pick<
  SessionState,
  | 'tenant'
  | 'clientId'
  | 'sessionId'
  | 'clientName'
  | 'level'
  | 'address'
  | 'sessionExpiryS'
  | 'openedAtMs'
  | 'closedAtMs'
  | 'closeReason'
> {
  readonly connected: boolean;
  readonly subscriptionCount: number;
  /** Messages waiting for this client, sent and unacknowledged ones included. */
  readonly queuedMessages: number;
  readonly queuedBytes: number;
}

export type SubscriptionSummary = Pick<
  Subscription,
  'filter' | 'qos' | 'noLocal' | 'retainAsPublished' | 'retainHandling' | 'subscriptionId'
>;

export interface WillSummary {
  readonly topic: string;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly delayS: number;
}

export interface SessionDetail extends SessionSummary {
  readonly owner: SessionOwner | undefined;
  readonly subscriptions: readonly SubscriptionSummary[];
  readonly will: WillSummary | undefined;
  /** Sent and not acknowledged; 0 when not connected to this broker. */
  readonly inFlight: number;
  readonly outboxBytes: number;
}

/** What the log says a session was at `atMs`. */
export interface PastSession extends Omit<SessionState, 'will'> {
  readonly atMs: number;
  readonly connected: boolean;
  /** Those in force; subscriptions of a transient session are not on the log. */
  readonly subscriptions: readonly SubscriptionSummary[];
  /** The one that was still to be published. */
  readonly will: WillSummary | undefined;
  /** The record of the session that was the latest then. */
  readonly record: LogPosition & { readonly timestampMs: number };
}

export type KickOutcome = 'kicked' | 'notConnected' | 'unknown';

export interface QueueQuery extends PageRequest {
  readonly tenant: TenantId | undefined;
}

export interface QueueSummary extends Pick<QueueBounds, 'messages' | 'bytes' | 'min' | 'next'> {
  readonly tenant: TenantId;
  readonly sessionId: SessionId;
  readonly kind: QueueKind;
  /** undefined: the session is gone and its queue waits for removal. */
  readonly clientId: ClientId | undefined;
}

export interface QueueDetail extends QueueSummary {
  readonly quota: QueueQuota;
  /** The first messages, without their payloads. */
  readonly head: readonly QueuedMessageSummary[];
}

/** Messages `QueueDetail.head` holds at most. */
export const QUEUE_HEAD_MAX = 20;

export interface QueuedMessageSummary {
  readonly seq: number;
  readonly topic: string;
  readonly qos: QoS;
  readonly payloadBytes: number;
  readonly publishedAtMs: number;
  readonly expiresAtMs: number | undefined;
}

/** One record of the session event log. */
export interface AdminEvent {
  readonly partition: number;
  readonly offset: Offset;
  readonly timestampMs: number;
  /** `SessionOpened`, `Subscribed`, … */
  readonly event: string;
  readonly tenant: TenantId;
  readonly clientId: ClientId;
  /** What the record says, readable: reason, filter, address, owner … */
  readonly detail: Readonly<Record<string, string | number | boolean>>;
  /** Passed as `since`, the tail goes on behind this event. */
  readonly cursor: string;
}

/** `start`: with what the log still has; `now`: with what comes; behind an event seen; or with the first one of that time. */
export type EventStart = 'start' | 'now' | { readonly cursor: string } | { readonly timeMs: number };

export interface EventQuery {
  readonly tenant: TenantId | undefined;
  readonly clientId: ClientId | undefined;
  readonly since: EventStart;
  /** Only events up to then; undefined: all. */
  readonly untilMs: number | undefined;
  /** false: ends at the end of the log as it is now. */
  readonly follow: boolean;
}

/** An entry of the audit trail, flat; `cursor` as of an `AdminEvent`. */
export type AuditedEvent = Omit<AuditEntry, 'event'> & AuditEvent & { readonly cursor: string };

export interface AuditQuery extends Pick<EventQuery, 'tenant' | 'since' | 'untilMs' | 'follow'> {
  readonly kind: AuditKind | undefined;
  /** It ends after so many; undefined: it does not. */
  readonly limit: number | undefined;
}

export interface BrokerStatus {
  readonly version: string;
  readonly brokerId: string;
  /** undefined: not known before the stores are open. */
  readonly incarnation: string | undefined;
  readonly startedAtMs: number;
  readonly ready: boolean;
  /** Why not; empty when ready. */
  readonly reasons: readonly string[];
  /** What the start has done so far, in its order. */
  readonly startup: readonly StartupPhase[];
  readonly listeners: readonly {
    readonly transport: string;
    readonly host: string;
    readonly port: number;
    readonly path?: string | undefined;
  }[];
  readonly tenants: readonly {
    readonly tenant: TenantId;
    readonly connections: number;
    readonly sessions: number;
    readonly subscriptions: number;
    readonly retainedMessages: number;
  }[];
}

export const STARTUP_PHASES = [
  'stores',
  'sessionsSnapshot',
  'sessionsTail',
  'retainedSnapshot',
  'retainedTail',
  'peers',
  'orphanedSessions',
  'orphanedQueues',
  'listeners',
] as const;
export type StartupPhaseName = (typeof STARTUP_PHASES)[number];

export interface StartupPhase {
  readonly phase: StartupPhaseName;
  /** What it took, or has taken so far. */
  readonly ms: number;
  /** Rows of a snapshot, records of a log, sessions, queues; undefined: there is nothing to count. */
  readonly count: number | undefined;
  readonly done: boolean;
}

export interface Readiness {
  readonly ready: boolean;
  /** Why not, for people; empty when ready. */
  readonly reasons: readonly string[];
}

/** One run of one broker as this one sees it. */
export interface MemberSummary {
  readonly brokerId: string;
  readonly incarnation: Incarnation;
  /** It is the one that was asked. */
  readonly self: boolean;
  readonly state: MemberState;
  readonly draining: boolean;
  /** In that state since. */
  readonly sinceMs: number;
  readonly joinedAtMs: number;
  /** `host:port`, for other brokers. */
  readonly peerAddress: string;
  /** `host:port`, for clients; undefined: it does not say. */
  readonly serverReference: string | undefined;
  /** Of the link to it; undefined: there is none to the broker itself, nor to one that is down. */
  readonly linkUp: boolean | undefined;
}

export interface ClusterMembers {
  /** false: this broker shares its event log with nobody, and has no members. */
  readonly clustered: boolean;
  /** Those alive, and those that are down since a short time. */
  readonly members: readonly MemberSummary[];
}

export interface DrainRequest {
  /** Clients asked to leave per second. */
  readonly ratePerS: number;
  /** How long everybody is still served, so that load balancers notice that the broker is not ready. */
  readonly noticeMs: number;
  /** Where MQTT 5 clients are told to go; undefined: to one of the other brokers that say how clients reach them. */
  readonly serverReference?: string;
  /** For good (0x9D), not for now (0x9C). */
  readonly moved: boolean;
  /** Stop the process when nobody is connected any more. */
  readonly shutdown: boolean;
  /** Also when no other broker takes clients. */
  readonly force: boolean;
}

export const DRAIN_PHASES = ['serving', 'notice', 'moving', 'empty'] as const;

export interface DrainStatus {
  readonly phase: (typeof DRAIN_PHASES)[number];
  /** Clients that are there. */
  readonly connected: number;
  /** undefined, as all that follow: it does not drain. */
  readonly ratePerS?: number;
  readonly shutdown?: boolean;
  /** Clients asked to leave so far. */
  readonly moved?: number;
  readonly startedAtMs?: number | undefined;
}

export interface AdminPort {
  readonly tenants: TenantsPort;

  status(): Promise<BrokerStatus>;
  readiness(): Readiness;

  members(): ClusterMembers;

  listSessions(query: SessionQuery): Promise<Page<SessionSummary>>;
  showSession(tenant: TenantId, clientId: ClientId): Promise<SessionDetail | undefined>;
  /** Rejects with an `ApiError`: no session then, or the log cannot tell. Gives up when `signal` is aborted. */
  showSessionAt(
    tenant: TenantId,
    clientId: ClientId,
    atMs: number,
    signal: AbortSignal,
  ): Promise<PastSession>;
  /**
   * Disconnects the client (0x98). `discard` also ends the session: its subscriptions and queue are removed,
   * whether it is connected or not.
   */
  kickSession(tenant: TenantId, clientId: ClientId, discard: boolean): Promise<KickOutcome>;

  /** Begins, or changes how it goes on. Rejects with an `ApiError` where clients would have nowhere to go. */
  beginDrain(request: DrainRequest): Promise<DrainStatus>;
  drainStatus(): DrainStatus;
  /** Who is still there stays. */
  cancelDrain(): Promise<DrainStatus>;

  listQueues(query: QueueQuery): Promise<Page<QueueSummary>>;
  /** The pending queue of a client's session; undefined: no such session, or a transient one. */
  showQueue(tenant: TenantId, clientId: ClientId): Promise<QueueDetail | undefined>;
  /** Removes every message that was waiting at the call; resolves to how many. undefined: as in `showQueue`. */
  purgeQueue(tenant: TenantId, clientId: ClientId): Promise<number | undefined>;

  /**
   * In log order per partition. Ends when `signal` is aborted, and at once for a cursor that is none. Fails when compaction
   * overtakes a reader who began at a time.
   */
  tailEvents(query: EventQuery, signal: AbortSignal): AsyncIterable<AdminEvent>;
  /** Whether `tailEvents` can begin there. */
  isEventCursor(cursor: string): boolean;
  /** Throws an `ApiError` when the log may not have every event from then on. */
  checkEventTime(timeMs: number): void;

  /** Durable when resolved; rejects with `StoreUnavailableError`: then the change must not be made. */
  recordChange(change: AdministrativeChange): Promise<void>;
  /** Never waits. */
  noteRefusal(note: AuditNote): void;
  /** In the order of recording. Ends when `signal` is aborted, and at once for a cursor that is none. */
  tailAudit(query: AuditQuery, signal: AbortSignal): AsyncIterable<AuditedEvent>;
  isAuditCursor(cursor: string): boolean;

  /** The metrics page, in Prometheus' text format. */
  metrics(): Promise<string>;
}
