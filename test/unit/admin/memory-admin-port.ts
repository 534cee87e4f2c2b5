/** An `AdminPort` over plain maps: what the admin API and the command line are tested against. */
import type {
  AdminEvent,
  AdminPort,
  AuditedEvent,
  AuditQuery,
  BrokerStatus,
  ClusterMembers,
  DrainRequest,
  DrainStatus,
  EventQuery,
  KickOutcome,
  Page,
  PageRequest,
  PastSession,
  QueueDetail,
  QueueQuery,
  QueueSummary,
  Readiness,
  SessionDetail,
  SessionQuery,
  SessionSummary,
} from '../../../src/admin/admin-port.ts';
import type { AdministrativeChange, AuditEvent, AuditNote } from '../../../src/audit/audit-event.ts';
import { ApiError } from '../../../src/admin/api-error.ts';
import { TenantAdmin } from '../../../src/admin/tenant-admin.ts';
import { MemoryEventLog } from '../../../src/adapters/memory/memory-event-log.ts';
import { TenantChanges } from '../../../src/broker/tenant-changes.ts';
import type { Offset } from '../../../src/event-log/event-log.ts';
import { decodeTenantEvent } from '../../../src/event-log/tenant-event-codec.ts';
import { TenantDirectory } from '../../../src/tenancy/tenant-directory.ts';
import type { Seq } from '../../../src/queue/durable-queue.ts';
import { DEFAULT_TENANT, incarnation } from '../../../src/tenancy/identity.ts';
import type { ClientId, SessionId, TenantId } from '../../../src/tenancy/identity.ts';

export class MemoryAdminPort implements AdminPort {
  readonly sessions: SessionDetail[] = [];
  readonly queues: QueueDetail[] = [];
  readonly events: AdminEvent[] = [];
  readonly past: PastSession[] = [];
  readonly drains: DrainRequest[] = [];
  readonly changes: AdministrativeChange[] = [];
  readonly refusals: AuditNote[] = [];
  readonly audited: AuditedEvent[] = [];
  /** What the audit trail answers; undefined: it works. */
  auditFailure: Error | undefined;
  /** How far a drain is each time somebody asks; the last one stays. */
  drainSteps: DrainStatus[] = [{ phase: 'serving', connected: 0 }];
  readonly #directory = new TenantDirectory([DEFAULT_TENANT]);
  readonly #tenantLog = new MemoryEventLog();
  readonly tenants = new TenantAdmin({
    directory: this.#directory,
    countersOf: () => undefined,
    changes: new TenantChanges({
      directory: this.#directory,
      log: this.#tenantLog,
      clock: { nowMs: () => 1_700_000_000_000 },
    }),
    authenticators: new Set(['file', 'mysql']),
  });
  cluster: ClusterMembers = { clustered: false, members: [] };
  reasons: string[] = [];
  completeFromMs = 0;
  openTails = 0;
  readonly #arrivals = new Set<() => void>();

  constructor() {
    const from = Array.from({ length: this.#tenantLog.partitionCount }, () => 0 as Offset);
    void this.#tenantLog.follow(from, (entries) => {
      for (const entry of entries) this.#directory.apply(decodeTenantEvent(entry));
    });
  }

  addSession(clientId: string, changes: Partial<SessionDetail> = {}): void {
    this.sessions.push({ ...this.#newSession(clientId), ...changes });
  }

  #newSession(clientId: string): SessionDetail {
    return {
      tenant: DEFAULT_TENANT,
      clientId: clientId as ClientId,
      sessionId: (this.sessions.length + 1) as SessionId,
      clientName: '',
      level: 5,
      address: '127.0.0.1',
      sessionExpiryS: 3600,
      openedAtMs: 1_700_000_000_000,
      closedAtMs: undefined,
      closeReason: undefined,
      connected: true,
      subscriptionCount: 1,
      queuedMessages: 0,
      queuedBytes: 0,
      owner: { incarnation: incarnation('spoke-1', 1), connection: 1 },
      subscriptions: [
        {
          filter: 'a/#',
          qos: 1,
          noLocal: false,
          retainAsPublished: false,
          retainHandling: 0,
          subscriptionId: undefined,
        },
      ],
      will: undefined,
      inFlight: 0,
      outboxBytes: 0,
    };
  }

  /** Until the next one of the client, what its session was from then on. */
  addPast(clientId: string, sinceMs: number, changes: Partial<PastSession> = {}): void {
    const { sessionId, owner, subscriptions } = this.#newSession(clientId);
    this.past.push({
      atMs: sinceMs,
      tenant: DEFAULT_TENANT,
      clientId: clientId as ClientId,
      sessionId,
      clientName: '',
      level: 5,
      owner,
      sessionExpiryS: 3600,
      will: undefined,
      willDueAtMs: undefined,
      address: '127.0.0.1',
      openedAtMs: sinceMs,
      closedAtMs: undefined,
      closeReason: undefined,
      closedOwner: undefined,
      sentThrough: undefined,
      connected: true,
      subscriptions,
      record: { partition: 0, offset: this.past.length as Offset, timestampMs: sinceMs },
      ...changes,
    });
  }

  addQueue(clientId: string, messages: number, tenant: TenantId = DEFAULT_TENANT): void {
    this.queues.push({
      tenant,
      sessionId: (this.queues.length + 1) as SessionId,
      kind: 'pending',
      clientId: clientId as ClientId,
      messages,
      bytes: messages * 100,
      min: 1 as Seq,
      next: (messages + 1) as Seq,
      quota: { messagesMax: 100, bytesMax: 10_000, policy: 'reject' },
      head: [
        {
          seq: 1,
          topic: 'a/b',
          qos: 1,
          payloadBytes: 97,
          publishedAtMs: 1_700_000_000_000,
          expiresAtMs: undefined,
        },
      ],
    });
  }

  addEvent(event: string, clientId: string): void {
    const offset = this.events.length;
    this.events.push({
      partition: 0,
      offset: offset as Offset,
      timestampMs: 1_700_000_000_000 + offset,
      event,
      tenant: DEFAULT_TENANT,
      clientId: clientId as ClientId,
      detail: { sessionId: 1 },
      cursor: String(offset + 1),
    });
    for (const arrived of this.#arrivals) arrived();
  }

  status(): Promise<BrokerStatus> {
    const tenants = [
      { tenant: DEFAULT_TENANT, connections: 1, sessions: 2, subscriptions: 3, retainedMessages: 4 },
    ];
    return Promise.resolve({
      version: '1.2.3',
      brokerId: 'spoke-1',
      incarnation: 'spoke-1#1',
      startedAtMs: 1_700_000_000_000,
      ready: this.reasons.length === 0,
      reasons: this.reasons,
      startup: [
        { phase: 'stores', ms: 40, count: undefined, done: true },
        { phase: 'sessionsSnapshot', ms: 2_500, count: 400_000, done: this.reasons.length === 0 },
      ],
      listeners: [{ transport: 'tcp', host: '127.0.0.1', port: 1883 }],
      tenants,
    });
  }

  readiness(): Readiness {
    return { ready: this.reasons.length === 0, reasons: this.reasons };
  }

  members(): ClusterMembers {
    return this.cluster;
  }

  listSessions({ tenant, connected, match, ...page }: SessionQuery): Promise<Page<SessionSummary>> {
    const chosen = this.sessions.filter(
      (session) =>
        (tenant === undefined || session.tenant === tenant) &&
        (connected === undefined || session.connected === connected) &&
        session.clientId.includes(match ?? ''),
    );
    return Promise.resolve(pageOf(chosen, page));
  }

  showSession(tenant: TenantId, clientId: ClientId): Promise<SessionDetail | undefined> {
    return Promise.resolve(
      this.sessions.find((each) => each.tenant === tenant && each.clientId === clientId),
    );
  }

  showSessionAt(tenant: TenantId, clientId: ClientId, atMs: number): Promise<PastSession> {
    const session = this.past.findLast(
      (each) => each.clientId === clientId && each.record.timestampMs <= atMs,
    );
    if (session !== undefined) return Promise.resolve({ ...session, tenant, atMs });
    return Promise.reject(new ApiError('NOT_FOUND', `client "${clientId}" had no session then`, 'Ask again'));
  }

  async kickSession(tenant: TenantId, clientId: ClientId, discard: boolean): Promise<KickOutcome> {
    const session = await this.showSession(tenant, clientId);
    if (session === undefined) return 'unknown';
    const at = this.sessions.indexOf(session);
    if (discard) this.sessions.splice(at, 1);
    else this.sessions[at] = { ...session, connected: false };
    return session.connected ? 'kicked' : 'notConnected';
  }

  beginDrain(request: DrainRequest): Promise<DrainStatus> {
    this.drains.push(request);
    return Promise.resolve(this.drainStatus());
  }

  drainStatus(): DrainStatus {
    const [next = { phase: 'serving', connected: 0 }] = this.drainSteps;
    if (this.drainSteps.length > 1) this.drainSteps.shift();
    return next;
  }

  cancelDrain(): Promise<DrainStatus> {
    return Promise.resolve({ phase: 'serving', connected: 3 });
  }

  listQueues({ tenant, ...page }: QueueQuery): Promise<Page<QueueSummary>> {
    return Promise.resolve(
      pageOf(
        this.queues.filter((each) => tenant === undefined || each.tenant === tenant),
        page,
      ),
    );
  }

  showQueue(tenant: TenantId, clientId: ClientId): Promise<QueueDetail | undefined> {
    return Promise.resolve(this.queues.find((each) => each.tenant === tenant && each.clientId === clientId));
  }

  async purgeQueue(tenant: TenantId, clientId: ClientId): Promise<number | undefined> {
    const queue = await this.showQueue(tenant, clientId);
    if (queue === undefined) return undefined;
    this.queues.splice(this.queues.indexOf(queue), 1);
    return queue.messages;
  }

  isEventCursor(cursor: string): boolean {
    return /^\d+$/.test(cursor);
  }

  checkEventTime(timeMs: number): void {
    if (timeMs < this.completeFromMs)
      throw new ApiError('BEYOND_LOG', 'the log begins later', 'Ask for less');
  }

  async *tailEvents(
    { clientId, since, untilMs = Infinity, follow }: EventQuery,
    signal: AbortSignal,
  ): AsyncGenerator<AdminEvent> {
    const cursor = typeof since === 'object' && 'cursor' in since ? Number(since.cursor) : 0;
    const sinceMs = typeof since === 'object' && 'timeMs' in since ? since.timeMs : 0;
    let at = since === 'now' ? this.events.length : cursor;
    this.openTails++;
    try {
      while (!signal.aborted) {
        const event = this.events[at];
        if (event !== undefined) {
          at++;
          if (event.timestampMs < sinceMs || event.timestampMs > untilMs) continue;
          if (clientId === undefined || clientId === event.clientId) yield event;
        } else if (follow) {
          await this.#arrival(signal);
        } else {
          return;
        }
      }
    } finally {
      this.openTails--;
    }
  }

  recordChange(change: AdministrativeChange): Promise<void> {
    if (this.auditFailure !== undefined) return Promise.reject(this.auditFailure);
    this.changes.push(change);
    return Promise.resolve();
  }

  noteRefusal(note: AuditNote): void {
    this.refusals.push(note);
  }

  addAudited(event: AuditEvent): void {
    const atMs = 1_700_000_000_000 + this.audited.length;
    const cursor = String(this.audited.length + 1);
    this.audited.push({ atMs, sinceMs: atMs, count: 1, brokerId: 'spoke-1', ...event, cursor });
  }

  isAuditCursor(cursor: string): boolean {
    return /^\d+$/.test(cursor);
  }

  async *tailAudit({ tenant, kind, limit, since }: AuditQuery): AsyncGenerator<AuditedEvent> {
    const sinceMs = typeof since === 'object' && 'timeMs' in since ? since.timeMs : 0;
    const chosen = this.audited.filter(
      (each) =>
        each.atMs >= sinceMs &&
        (tenant === undefined || ('tenant' in each && each.tenant === tenant)) &&
        (kind === undefined || each.kind === kind),
    );
    yield* await Promise.resolve(chosen.slice(0, limit));
  }

  metrics(): Promise<string> {
    return Promise.resolve('spoke_connections 1\n');
  }

  #arrival(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const arrived = (): void => {
        this.#arrivals.delete(arrived);
        signal.removeEventListener('abort', arrived);
        resolve();
      };
      this.#arrivals.add(arrived);
      signal.addEventListener('abort', arrived);
    });
  }
}

/** The cursor is the index of the first item of the next page. */
function pageOf<Item>(items: readonly Item[], { cursor, limit }: PageRequest): Page<Item> {
  const from = Number(cursor ?? 0);
  const next = from + limit;
  return { items: items.slice(from, next), next: next < items.length ? String(next) : undefined };
}
