/**
 * The commands that change a tenant's sessions: each decides on the state of its client's lane, appends the
 * events, and returns when they are durable and applied here. Effects that must outlive a crash (wills, queues
 * of ended sessions) are done before, or are found again from, the record that says so.
 */
import type { EventLog, LogPosition } from '../event-log/event-log.ts';
import { encodeSessionEvent } from '../event-log/session-event-codec.ts';
import { REASON } from '../mqtt/reason-code.ts';
import { queueKey, type DurableQueueStore } from '../queue/durable-queue.ts';
import { ClientLanes } from '../session/client-lanes.ts';
import type { ClientNumber } from '../session/client-table.ts';
import {
  continuesSession,
  decide,
  expiresAtMs,
  hasExpired,
  type CloseCommand,
  type SessionCommand,
} from '../session/decide.ts';
import { DueTimes } from '../session/due-times.ts';
import { lastOwner, sameOwner } from '../session/evolve.ts';
import type { SessionEndReason, SessionOwner, SessionState, Subscription } from '../session/events.ts';
import type { SessionIdGenerator } from '../session/session-id-generator.ts';
import type { SessionRegistry } from '../session/session-registry.ts';
import { willDueOnConnect } from '../session/will.ts';
import type { ClientId, SessionId, TenantId } from '../tenancy/identity.ts';
import type { Clock, Timers } from '../time/clock.ts';
import type { BrokerLog } from './broker-log.ts';
import { ConnectRefused, takenElsewhere } from './connect-refused.ts';
import type { OpenedSession, OpenRequest } from './opened-session.ts';
import { quotaRefusal, type SessionQuota } from './session-quota.ts';
import type { WillPublisher } from './will-publisher.ts';

export interface SessionLifecycleOptions {
  readonly tenant: TenantId;
  readonly registry: SessionRegistry;
  readonly log: EventLog;
  readonly store: DurableQueueStore;
  readonly sessionIds: SessionIdGenerator;
  readonly wills: WillPublisher;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly diagnostics: BrokerLog;
  readonly quota: Pick<SessionQuota, 'claim' | 'overruled' | 'settle'>;
  /** What the session, if it ended now, would leave to members of its shared subscriptions. */
  readonly legacyOf: (session: SessionState) => SessionLegacy | undefined;
  readonly onExpired: () => void;
  /** Another broker is to see to what is due of the session. */
  readonly isOthersToSettle: (session: SessionState) => boolean;
}

/** Hands over what came in since the last call; resolves when it is durable with somebody else. */
export type SessionLegacy = () => Promise<void>;

/** First wait before a close that was not recorded is tried again; doubled with each failure that follows. */
const CLOSE_RETRY_FIRST_MS = 200;
const CLOSE_RETRY_MAX_MS = 5_000;
/** What another broker is to see to is everybody's if it has not been done by then. */
const OTHERS_GRACE_MS = 5_000;

export class SessionLifecycle {
  readonly #options: SessionLifecycleOptions;
  readonly #lanes = new ClientLanes();
  readonly #dueTimes: DueTimes;
  /** Connections whose session is being resumed, and what their record came upon when it was applied. */
  readonly #resuming = new Map<number, SessionState | undefined>();
  /** Of the clients with a CONNECT that waits for its turn, the connection that asked last. */
  readonly #waiting = new Map<ClientId, number>();
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
   * client's lane before any other command of this client. Throws `ConnectRefused` at a quota of the tenant, when a
   * verified user asks for the session of another one, when another broker has the session by then, and when by the
   * time it is its turn the connection is gone or a later one waits: a client that reconnects in a loop costs one
   * record at a time, however many of its connections wait.
   */
  open<T>(request: OpenRequest, attach: (opened: OpenedSession) => Promise<T>): Promise<T> {
    const { connection } = request.owner;
    this.#waiting.set(request.clientId, connection);
    return this.#lanes.run(request.clientId, async () => {
      const isLatest = this.#waiting.get(request.clientId) === connection;
      if (isLatest) this.#waiting.delete(request.clientId);
      if (!isLatest || request.isGone()) throw takenElsewhere();
      const before = this.#session(request.clientId);
      if (before !== undefined && request.verified && before.clientName !== request.clientName) {
        throw new ConnectRefused(REASON.clientIdentifierNotValid, 'the session belongs to another user');
      }
      this.#options.quota.claim(connection, request.clientId, before);
      try {
        return await attach(await this.#open(request, before));
      } finally {
        this.#options.quota.settle(connection);
      }
    });
  }

  /** A record of ours gave the session to `owner`; `before`: what it was until then. */
  opened({ connection }: SessionOwner, before: SessionState | undefined): void {
    if (this.#resuming.has(connection)) this.#resuming.set(connection, before);
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

  /** Resolves with where the records are, which are applied here. */
  subscribe(clientId: ClientId, subscriptions: readonly Subscription[]): Promise<readonly LogPosition[]> {
    return this.#lanes.run(clientId, () => this.#append(clientId, { type: 'subscribe', subscriptions }));
  }

  /** `filters`: those, or a function that is asked for them when the commands before this one are done. */
  unsubscribe(
    clientId: ClientId,
    filters: readonly string[] | (() => readonly string[]),
  ): Promise<readonly LogPosition[]> {
    return this.#lanes.run(clientId, () => {
      const ended = typeof filters === 'function' ? filters() : filters;
      return this.#append(clientId, { type: 'unsubscribe', filters: ended });
    });
  }

  /** The session's record on the log was followed by one that does not count; see `RegistryObserver.overruled`. */
  restate(session: SessionState): void {
    const owner = lastOwner(session);
    if (owner !== undefined) this.#stateAgain(session.clientId, { type: 'restate', owner });
  }

  /** The same of a subscription. */
  restateSubscription(subscription: Subscription): void {
    this.#stateAgain(subscription.clientId, { type: 'subscribe', subscriptions: [subscription] });
  }

  /** Our record of a close came after another broker had ended the session, and has brought it back. */
  endAgain(session: SessionState): void {
    const { clientId } = session;
    this.#inBackground(clientId, async () => {
      const now = this.#session(clientId);
      if (now?.owner === undefined && sameOwner(now?.closedOwner, session.closedOwner))
        await this.#end(clientId, 'discarded');
    });
  }

  /** Takes subscriptions off the record whose session has ended: who ended it did not get that far. */
  forget(clientId: ClientId): Promise<void> {
    const { tenant } = this.#options;
    return this.#lanes.run(clientId, async () => {
      if (this.#session(clientId) !== undefined) return;
      for (const sessionId of this.#sessionsOnRecord(clientId))
        await this.#append(clientId, { type: 'forget', tenant, clientId, sessionId });
    });
  }

  /** Ends the session and discards its queues. false: there was none, or somebody else has it by now. */
  end(clientId: ClientId, reason: SessionEndReason): Promise<boolean> {
    return this.#lanes.run(clientId, () => this.#end(clientId, reason));
  }

  /** Looks at the session again when its will or its expiry is due. */
  watch(client: ClientNumber, session: SessionState): void {
    const dueAtMs = Math.min(session.willDueAtMs ?? Infinity, expiresAtMs(session) ?? Infinity);
    if (!Number.isFinite(dueAtMs) || session.owner !== undefined) return;
    const graceMs = this.#options.isOthersToSettle(session) ? OTHERS_GRACE_MS : 0;
    this.#dueTimes.at(client, dueAtMs + graceMs);
  }

  /** Resolves when no command is under way any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#dueTimes.stop();
    await this.#lanes.idle();
  }

  async #open(request: OpenRequest, before: SessionState | undefined): Promise<OpenedSession> {
    const { clock, sessionIds, tenant, quota } = this.#options;
    const { clientId, owner } = request;
    const nowMs = clock.nowMs();
    const will = willDueOnConnect(before, continuesSession(before, request.cleanStart, nowMs), nowMs);
    if (before !== undefined && will !== undefined) await this.#options.wills.publish(before, will);
    const resumed = await this.#resume(request, nowMs);
    if (resumed === undefined) await this.#begin(request, await sessionIds.next(tenant), nowMs);
    const after = this.#session(clientId);
    if (after === undefined || !sameOwner(after.owner, owner)) throw takenElsewhere();
    const overruled = quota.overruled(owner.connection);
    // One session too many must not be there at all; its client was told nothing of it, nor anybody of its will.
    if (overruled === 'tenant.sessionsMax')
      await this.#endWith(after, () => this.#append(clientId, { type: 'end', reason: 'discarded' }));
    if (overruled !== undefined) throw quotaRefusal(overruled);
    return {
      sessionId: after.sessionId,
      sessionPresent: resumed !== undefined,
      // Who still owned it has sent more than its record says.
      sentThrough: resumed?.owner === undefined ? resumed?.sentThrough : undefined,
      resumed,
    };
  }

  async #settleDue(clientId: ClientId): Promise<void> {
    const session = this.#session(clientId);
    if (session === undefined || session.owner !== undefined) return;
    const nowMs = this.#options.clock.nowMs();
    if (session.will !== undefined && session.willDueAtMs !== undefined && session.willDueAtMs <= nowMs) {
      await this.#options.wills.publish(session, session.will);
      const { sessionId, openedAtMs } = session;
      await this.#perhapsEndWith(session, this.#options.legacyOf(session), () =>
        this.#append(clientId, { type: 'willPublished', sessionId, openedAtMs }),
      );
    }
    const after = this.#session(clientId);
    if (after === undefined || !hasExpired(after, nowMs)) return;
    if (await this.#end(clientId, after.sessionExpiryS === 0 ? 'transient' : 'expired'))
      this.#options.onExpired();
  }

  /** What the session was when the client got it; undefined: there is nothing to resume, and nothing that counts was recorded. */
  async #resume(request: OpenRequest, nowMs: number): Promise<SessionState | undefined> {
    const { clientId, cleanStart, owner } = request;
    const session = this.#session(clientId);
    if (session === undefined || !continuesSession(session, cleanStart, nowMs)) return undefined;
    this.#resuming.set(owner.connection, undefined);
    try {
      await this.#append(clientId, { ...request, type: 'open', newSessionId: undefined, nowMs });
      const found = this.#resuming.get(owner.connection);
      // Another broker may have ended it, or begun a new one, before our record was there.
      return found?.sessionId === session.sessionId ? found : undefined;
    } finally {
      this.#resuming.delete(owner.connection);
    }
  }

  async #begin(request: OpenRequest, newSessionId: SessionId, nowMs: number): Promise<void> {
    const { clientId } = request;
    const before = this.#session(clientId);
    const record = () =>
      this.#append(clientId, { ...request, type: 'open', cleanStart: true, newSessionId, nowMs });
    if (before === undefined) await record();
    else await this.#endWith(before, record);
  }

  async #end(clientId: ClientId, reason: SessionEndReason): Promise<boolean> {
    const session = this.#session(clientId);
    if (session === undefined) return false;
    if (session.will !== undefined) await this.#options.wills.publish(session, session.will);
    await this.#endWith(session, () => this.#append(clientId, { type: 'end', reason }));
    const after = this.#session(clientId);
    if (after?.sessionId !== session.sessionId) return true;
    // Another broker gave it to its client, who may have left again: then nobody else is there to restate it.
    const owner = after.owner === undefined ? lastOwner(after) : undefined;
    if (owner !== undefined) await this.#append(clientId, { type: 'restate', owner });
    return false;
  }

  /**
   * Records the end of the session. If nobody is connected, what it leaves is given away before that too: a crash in
   * between finds the session again. The client of a connected one still takes messages.
   */
  async #endWith(session: SessionState, record: () => Promise<unknown>): Promise<void> {
    const legacy = this.#options.legacyOf(session);
    if (session.owner === undefined) await legacy?.();
    await this.#perhapsEndWith(session, legacy, record);
  }

  /** If the record ends the session, its subscriptions and queues go, its shared messages to others. */
  async #perhapsEndWith(
    session: SessionState,
    legacy: SessionLegacy | undefined,
    record: () => Promise<unknown>,
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
    if (this.#session(session.clientId) === undefined) await this.#forgetOrLeave(session);
  }

  /** Left on record they count for nothing, and are forgotten when the client or a broker begins anew. */
  async #forgetOrLeave({ tenant, clientId, sessionId }: SessionState): Promise<void> {
    const { diagnostics } = this.#options;
    await this.#append(clientId, { type: 'forget', tenant, clientId, sessionId }).catch((error: unknown) => {
      diagnostics.warn(
        { tenant, clientId, err: error },
        'subscriptions of an ended session not forgotten yet',
      );
    });
  }

  #sessionsOnRecord(clientId: ClientId): Set<SessionId> {
    const subscriptions = this.#options.registry.get(clientId)?.subscriptions.values() ?? [];
    return new Set(Array.from(subscriptions, ({ value }) => value.sessionId));
  }

  async #append(clientId: ClientId, command: SessionCommand): Promise<readonly LogPosition[]> {
    const { registry, log, clock } = this.#options;
    const entry = registry.get(clientId);
    const events = decide(command, {
      session: entry?.session?.value,
      filters: entry?.subscriptions.keys() ?? [],
    });
    if (events.length === 0) return [];
    const nowMs = clock.nowMs();
    return await log.append(events.map((event) => encodeSessionEvent(event, nowMs)));
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

  #stateAgain(clientId: ClientId, command: SessionCommand): void {
    if (this.#stopped) return;
    this.#lanes
      .run(clientId, () => this.#append(clientId, command))
      .catch((error: unknown) => {
        const { diagnostics, tenant } = this.#options;
        diagnostics.error(
          { tenant, clientId, err: error },
          'what overruled a late record not put on record again',
        );
      });
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
