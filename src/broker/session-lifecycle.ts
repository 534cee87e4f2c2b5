/**
 * The commands that change a tenant's sessions: each decides on the state of its client's lane, appends the
 * events, and returns when they are durable and applied here. Effects that must outlive a crash (wills, queues
 * of ended sessions) are done before, or are found again from, the record that says so.
 */
import type { EventLog } from '../event-log/event-log.ts';
import { encodeSessionEvent } from '../event-log/session-event-codec.ts';
import { REASON } from '../mqtt/reason-code.ts';
import { queueKey, type DurableQueueStore, type Seq } from '../queue/durable-queue.ts';
import { ClientLanes } from '../session/client-lanes.ts';
import type { ClientNumber } from '../session/client-table.ts';
import {
  continuesSession,
  decide,
  expiresAtMs,
  hasExpired,
  type CloseCommand,
  type OpenCommand,
  type SessionCommand,
} from '../session/decide.ts';
import { DueTimes } from '../session/due-times.ts';
import type { SessionEndReason, SessionState, Subscription, Will } from '../session/events.ts';
import type { SessionIdGenerator } from '../session/session-id-generator.ts';
import type { SessionRegistry } from '../session/session-registry.ts';
import { willDueOnConnect, willMessage, willProducer } from '../session/will.ts';
import type { ClientId, SessionId, TenantId } from '../tenancy/identity.ts';
import type { Clock, Timers } from '../time/clock.ts';
import { StoreUnavailableError } from '../errors/store-unavailable-error.ts';
import type { BrokerLog } from './broker-log.ts';
import { PublishTicket } from './publish-ticket.ts';
import type { Publishing } from './publishing.ts';
import { ConnectRefused } from './connect-refused.ts';

export interface SessionLifecycleOptions {
  readonly tenant: TenantId;
  readonly registry: SessionRegistry;
  readonly log: EventLog;
  readonly store: DurableQueueStore;
  readonly sessionIds: SessionIdGenerator;
  readonly publishing: Publishing;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly diagnostics: BrokerLog;
  readonly sessionsMax: number;
  readonly messageAgeMaxS: number;
  /** What the session, if it ended now, would leave to members of its shared subscriptions. */
  readonly legacyOf: (session: SessionState) => SessionLegacy | undefined;
  readonly onExpired: () => void;
  readonly onWillPublished: () => void;
}

/** Hands over what came in since the last call; resolves when it is durable with somebody else. */
export type SessionLegacy = () => Promise<void>;

export interface OpenedSession {
  readonly sessionId: SessionId;
  readonly sessionPresent: boolean;
  /** Of the session before, when it was resumed. */
  readonly sentThrough: Seq | undefined;
}

/** What an OPEN leaves to the lifecycle: whether a new session id is needed, and the time. */
export type OpenRequest = Omit<OpenCommand, 'type' | 'newSessionId' | 'nowMs'> & {
  /** See `Principal.verified`. */
  readonly verified: boolean;
};

/** First wait before a close that was not recorded is tried again; doubled with each failure that follows. */
const CLOSE_RETRY_FIRST_MS = 200;
const CLOSE_RETRY_MAX_MS = 5_000;

export class SessionLifecycle {
  readonly #options: SessionLifecycleOptions;
  readonly #lanes = new ClientLanes();
  readonly #dueTimes: DueTimes;
  #stopped = false;

  constructor(options: SessionLifecycleOptions) {
    this.#options = options;
    this.#dueTimes = new DueTimes(options.clock, options.timers, (client) => {
      const clientId = options.registry.clientIdOf(client);
      if (clientId !== undefined) this.#inBackground(clientId, () => this.#settleDue(clientId));
    });
  }

  /**
   * CONNECT: gives the client's session, a resumed or a new one, to `request.owner`. `attach` runs in the
   * client's lane before any other command of this client. Throws `ConnectRefused` at the session limit, and when
   * a verified user asks for the session of another one.
   */
  open<T>(request: OpenRequest, attach: (opened: OpenedSession) => Promise<T>): Promise<T> {
    return this.#lanes.run(request.clientId, async () => {
      const { registry, clock, sessionIds, tenant } = this.#options;
      const before = this.#session(request.clientId);
      if (before !== undefined && request.verified && before.clientName !== request.clientName) {
        throw new ConnectRefused(REASON.clientIdentifierNotValid, 'the session belongs to another user');
      }
      const nowMs = clock.nowMs();
      const resumed = continuesSession(before, request.cleanStart, nowMs);
      if (before === undefined && registry.size >= this.#options.sessionsMax) {
        throw new ConnectRefused(
          REASON.quotaExceeded,
          `the tenant has ${this.#options.sessionsMax} sessions`,
        );
      }
      const will = willDueOnConnect(before, resumed, nowMs);
      if (before !== undefined && will !== undefined) await this.#publishWill(before, will);
      const newSessionId = resumed ? undefined : await sessionIds.next(tenant);
      const record = () => this.#append(request.clientId, { ...request, type: 'open', newSessionId, nowMs });
      if (before === undefined || resumed) await record();
      else await this.#endWith(before, record);
      const after = this.#session(request.clientId);
      if (after === undefined) throw new Error('session-lifecycle: an opened session is not in the registry');
      return attach({
        sessionId: after.sessionId,
        sessionPresent: resumed,
        sentThrough: resumed ? before?.sentThrough : undefined,
      });
    });
  }

  /** The connection of `command.owner` ended. Changes nothing when somebody else owns the session by now. */
  close(clientId: ClientId, command: Omit<CloseCommand, 'type' | 'nowMs'>): Promise<void> {
    return this.#lanes.run(clientId, async () => {
      const before = this.#session(clientId);
      const record = () =>
        this.#append(clientId, { ...command, type: 'close', nowMs: this.#options.clock.nowMs() });
      if (before === undefined) await record();
      else await this.#perhapsEndWith(before, this.#options.legacyOf(before), record);
      await this.#settleDue(clientId);
    });
  }

  /** As `close`, tried again until the log has it: a session that looks connected would never expire. */
  closeEventually(
    clientId: ClientId,
    command: Omit<CloseCommand, 'type' | 'nowMs'>,
    retryMs = CLOSE_RETRY_FIRST_MS,
  ): void {
    this.close(clientId, command).catch((error: unknown) => {
      const { diagnostics, tenant, timers } = this.#options;
      diagnostics.error({ tenant, clientId, err: error }, 'end of connection not recorded, trying again');
      // After a stop the next start finds the session and closes it.
      if (this.#stopped) return;
      timers.after(retryMs, () => {
        if (this.#stopped) return;
        this.closeEventually(clientId, command, Math.min(2 * retryMs, CLOSE_RETRY_MAX_MS));
      });
    });
  }

  subscribe(clientId: ClientId, subscriptions: readonly Subscription[]): Promise<void> {
    return this.#lanes.run(clientId, () => this.#append(clientId, { type: 'subscribe', subscriptions }));
  }

  unsubscribe(clientId: ClientId, filters: readonly string[]): Promise<void> {
    return this.#lanes.run(clientId, () => this.#append(clientId, { type: 'unsubscribe', filters }));
  }

  /** The session's record on the log was followed by one that does not count; see `RegistryObserver.overruled`. */
  restate({ clientId, owner }: SessionState): void {
    if (owner === undefined || this.#stopped) return;
    this.#lanes
      .run(clientId, () => this.#append(clientId, { type: 'restate', owner }))
      .catch((error: unknown) => {
        const { diagnostics, tenant } = this.#options;
        diagnostics.error({ tenant, clientId, err: error }, 'state of a session not put on record again');
      });
  }

  /** Ends the session and discards its queues. false: there was none. */
  end(clientId: ClientId, reason: SessionEndReason): Promise<boolean> {
    return this.#lanes.run(clientId, () => this.#end(clientId, reason));
  }

  /** Looks at the session again when its will or its expiry is due. */
  watch(client: ClientNumber, session: SessionState): void {
    const dueAtMs = Math.min(session.willDueAtMs ?? Infinity, expiresAtMs(session) ?? Infinity);
    if (Number.isFinite(dueAtMs) && session.owner === undefined) this.#dueTimes.at(client, dueAtMs);
  }

  /** Resolves when no command is under way any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#dueTimes.stop();
    await this.#lanes.idle();
  }

  async #settleDue(clientId: ClientId): Promise<void> {
    const session = this.#session(clientId);
    if (session === undefined || session.owner !== undefined) return;
    const nowMs = this.#options.clock.nowMs();
    if (session.will !== undefined && session.willDueAtMs !== undefined && session.willDueAtMs <= nowMs) {
      await this.#publishWill(session, session.will);
      const { sessionId, openedAtMs } = session;
      await this.#perhapsEndWith(session, this.#options.legacyOf(session), () =>
        this.#append(clientId, { type: 'willPublished', sessionId, openedAtMs }),
      );
    }
    const after = this.#session(clientId);
    if (after === undefined || !hasExpired(after, nowMs)) return;
    await this.#end(clientId, after.sessionExpiryS === 0 ? 'transient' : 'expired');
    this.#options.onExpired();
  }

  async #end(clientId: ClientId, reason: SessionEndReason): Promise<boolean> {
    const session = this.#session(clientId);
    if (session === undefined) return false;
    if (session.will !== undefined) await this.#publishWill(session, session.will);
    await this.#endWith(session, () => this.#append(clientId, { type: 'end', reason }));
    return true;
  }

  /**
   * Records the end of the session. If nobody is connected, what it leaves is given away before that too: a crash in
   * between finds the session again. The client of a connected one still takes messages.
   */
  async #endWith(session: SessionState, record: () => Promise<void>): Promise<void> {
    const legacy = this.#options.legacyOf(session);
    if (session.owner === undefined) await legacy?.();
    await this.#perhapsEndWith(session, legacy, record);
  }

  /** If the record ends the session, its shared messages go to others and its queues are dropped. */
  async #perhapsEndWith(
    session: SessionState,
    legacy: SessionLegacy | undefined,
    record: () => Promise<void>,
  ): Promise<void> {
    await record();
    if (this.#session(session.clientId)?.sessionId === session.sessionId) return;
    await legacy?.().catch((error: unknown) => {
      const { diagnostics, tenant } = this.#options;
      const { clientId } = session;
      diagnostics.warn(
        { tenant, clientId, err: error },
        'shared messages of an ended session not handed over',
      );
    });
    this.#dropQueues(session);
  }

  /** Resolves when the will is in every queue it goes to. Doing it again after a crash appends nothing twice. */
  #publishWill(session: SessionState, will: Will): Promise<void> {
    const { publishing, clock, messageAgeMaxS, onWillPublished } = this.#options;
    const nowMs = clock.nowMs();
    const message = willMessage(session, will, nowMs, messageAgeMaxS);
    onWillPublished();
    return new Promise((resolve, reject) => {
      const publishSettled = (ticket: PublishTicket): void => {
        if (ticket.failed)
          reject(new StoreUnavailableError('durable queue', 'the will was not stored in time'));
        else resolve();
      };
      const ticket = new PublishTicket({ publishSettled }, 0, nowMs);
      publishing.publish(message, ticket, { producer: willProducer(session), sequence: 1 });
      ticket.settle();
    });
  }

  async #append(clientId: ClientId, command: SessionCommand): Promise<void> {
    const { registry, log, clock } = this.#options;
    const entry = registry.get(clientId);
    const events = decide(command, {
      session: entry?.session?.value,
      filters: entry?.subscriptions.keys() ?? [],
    });
    if (events.length === 0) return;
    const nowMs = clock.nowMs();
    await log.append(events.map((event) => encodeSessionEvent(event, nowMs)));
  }

  /** Not waited for: queues of a session that is no more are also found and dropped at the next start. */
  #dropQueues(session: SessionState): void {
    const { store, tenant, diagnostics } = this.#options;
    for (const kind of ['pending', 'held'] as const) {
      store.drop(queueKey(tenant, session.sessionId, kind)).catch((error: unknown) => {
        diagnostics.warn(
          { tenant, clientId: session.clientId, err: error },
          'queue of an ended session not dropped yet',
        );
      });
    }
  }

  #inBackground(clientId: ClientId, command: () => Promise<void>): void {
    this.#lanes.run(clientId, command).catch((error: unknown) => {
      const { diagnostics, tenant } = this.#options;
      diagnostics.error(
        { tenant, clientId, err: error },
        'will or expiry could not be settled, trying again',
      );
      const client = this.#options.registry.numberOf(clientId);
      const session = this.#session(clientId);
      if (client !== undefined && session !== undefined) this.watch(client, session);
    });
  }

  #session(clientId: ClientId): SessionState | undefined {
    return this.#options.registry.session(clientId);
  }
}
