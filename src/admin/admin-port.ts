/**
 * What the admin API asks of the broker. Lists come in pages of a bounded size; a cursor is opaque, stays valid
 * while the broker runs, and skips or repeats nothing that was there all the time.
 */
import type { Subscription, SessionOwner, SessionState } from '../session/events.ts';
import type { QoS } from '../mqtt/qos.ts';
import type { Offset } from '../event-log/event-log.ts';
import type { QueueBounds, QueueKind, QueueQuota } from '../queue/durable-queue.ts';
import type { ClientId, SessionId, TenantId } from '../tenancy/identity.ts';

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

export interface SessionDetail extends SessionSummary {
  readonly owner: SessionOwner | undefined;
  readonly subscriptions: readonly Pick<
    Subscription,
    'filter' | 'qos' | 'noLocal' | 'retainAsPublished' | 'retainHandling' | 'subscriptionId'
  >[];
  readonly will:
    | { readonly topic: string; readonly qos: QoS; readonly retain: boolean; readonly delayS: number }
    | undefined;
  /** Sent and not acknowledged; 0 when not connected to this broker. */
  readonly inFlight: number;
  readonly outboxBytes: number;
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

export interface EventQuery {
  readonly tenant: TenantId | undefined;
  readonly clientId: ClientId | undefined;
  /** `start`: what the log still has; `now`: only what comes; else the cursor of an event seen. */
  readonly since: string;
  /** false: ends at the end of the log as it is now. */
  readonly follow: boolean;
}

export interface BrokerStatus {
  readonly version: string;
  readonly brokerId: string;
  readonly incarnation: string;
  readonly startedAtMs: number;
  readonly ready: boolean;
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

export interface Readiness {
  readonly ready: boolean;
  /** Why not, for people; empty when ready. */
  readonly reasons: readonly string[];
}

export interface AdminPort {
  status(): Promise<BrokerStatus>;
  readiness(): Readiness;

  listSessions(query: SessionQuery): Promise<Page<SessionSummary>>;
  showSession(tenant: TenantId, clientId: ClientId): Promise<SessionDetail | undefined>;
  /**
   * Disconnects the client (0x98). `discard` also ends the session: its subscriptions and queue are removed,
   * whether it is connected or not.
   */
  kickSession(tenant: TenantId, clientId: ClientId, discard: boolean): Promise<KickOutcome>;

  listQueues(query: QueueQuery): Promise<Page<QueueSummary>>;
  /** The pending queue of a client's session; undefined: no such session, or a transient one. */
  showQueue(tenant: TenantId, clientId: ClientId): Promise<QueueDetail | undefined>;
  /** Removes every message that was waiting at the call; resolves to how many. undefined: as in `showQueue`. */
  purgeQueue(tenant: TenantId, clientId: ClientId): Promise<number | undefined>;

  /** In log order per partition. Ends when `signal` is aborted, and at once for a cursor that is none. */
  tailEvents(query: EventQuery, signal: AbortSignal): AsyncIterable<AdminEvent>;
  /** Whether `since` is something `tailEvents` can begin at. */
  isEventCursor(since: string): boolean;

  /** The metrics page, in Prometheus' text format. */
  metrics(): Promise<string>;
}
