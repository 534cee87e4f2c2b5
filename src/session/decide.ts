/**
 * What may happen to a session: `decide(command, state) → events`, pure. Nothing is changed here and nothing is
 * read but the arguments; the caller appends the events and lets `evolve` change the state.
 */
import type { ProtocolLevel } from '../mqtt/packets.ts';
import type { Seq } from '../queue/durable-queue.ts';
import type { ClientId, SessionId, TenantId } from '../tenancy/identity.ts';
import { lastOwner, sameOwner } from './evolve.ts';
import { NEVER_EXPIRES_S } from './events.ts';
import type {
  CloseReason,
  SessionEndReason,
  SessionEvent,
  SessionOwner,
  SessionState,
  Subscription,
  Will,
} from './events.ts';

/** What is known of one client: its session, if any, and the filters of every subscription on record. */
export interface ClientState {
  readonly session: SessionState | undefined;
  readonly filters: Iterable<string>;
}

export interface OpenCommand {
  readonly type: 'open';
  readonly tenant: TenantId;
  readonly clientId: ClientId;
  /** Used when a new session begins; see `continuesSession`. */
  readonly newSessionId: SessionId | undefined;
  readonly clientName: string;
  readonly level: ProtocolLevel;
  readonly owner: SessionOwner;
  readonly cleanStart: boolean;
  readonly sessionExpiryS: number;
  readonly will: Will | undefined;
  readonly address: string;
  readonly nowMs: number;
}

export interface CloseCommand {
  readonly type: 'close';
  readonly owner: SessionOwner;
  readonly reason: CloseReason;
  /** false after a normal DISCONNECT: the will is forgotten. */
  readonly publishWill: boolean;
  /** MQTT 5 DISCONNECT may change it. */
  readonly sessionExpiryS: number | undefined;
  readonly sentThrough: Seq | undefined;
  readonly nowMs: number;
}

/** The session has ended, on record: its subscriptions go too. */
export interface ForgetCommand {
  readonly type: 'forget';
  readonly tenant: TenantId;
  readonly clientId: ClientId;
  readonly sessionId: SessionId | undefined;
}

export type SessionCommand =
  | OpenCommand
  | CloseCommand
  | { readonly type: 'willPublished'; readonly sessionId: SessionId; readonly openedAtMs: number }
  | { readonly type: 'restate'; readonly owner: SessionOwner }
  | { readonly type: 'end'; readonly reason: SessionEndReason }
  | ForgetCommand
  | { readonly type: 'subscribe'; readonly subscriptions: readonly Subscription[] }
  | { readonly type: 'unsubscribe'; readonly filters: readonly string[] };

/** Events in the order they must be on the log; none when the command changes nothing. */
export function decide(command: SessionCommand, state: ClientState): SessionEvent[] {
  switch (command.type) {
    case 'open':
      return open(command, state);
    case 'close':
      return close(command, state);
    case 'willPublished':
      return willPublished(command, state);
    case 'restate':
      return restate(command.owner, state.session);
    case 'end':
      return state.session === undefined ? [] : [end(state.session, command.reason)];
    case 'forget':
      return forgetSubscriptions(command, state.filters);
    case 'subscribe':
      return subscribe(command.subscriptions, state.session);
    case 'unsubscribe':
      return unsubscribe(command.filters, state);
  }
}

/** Whether a CONNECT resumes the session on record [MQTT-3.1.2-4 to 6]. */
export function continuesSession(
  session: SessionState | undefined,
  cleanStart: boolean,
  nowMs: number,
): boolean {
  return session !== undefined && !cleanStart && isPersistent(session) && !hasExpired(session, nowMs);
}

export function isPersistent(session: SessionState): boolean {
  return session.sessionExpiryS > 0;
}

/** When the session ends if nobody connects, milliseconds since 1970; undefined: connected, or never. */
export function expiresAtMs(session: SessionState): number | undefined {
  if (session.closedAtMs === undefined || session.sessionExpiryS === NEVER_EXPIRES_S) return undefined;
  return session.closedAtMs + session.sessionExpiryS * 1000;
}

export function hasExpired(session: SessionState, nowMs: number): boolean {
  const dueMs = expiresAtMs(session);
  return dueMs !== undefined && dueMs <= nowMs;
}

function open(command: OpenCommand, state: ClientState): SessionEvent[] {
  const resumed = continuesSession(state.session, command.cleanStart, command.nowMs)
    ? state.session
    : undefined;
  const sessionId = resumed?.sessionId ?? command.newSessionId;
  if (sessionId === undefined) throw new Error('decide: a new session needs a session id');
  const events: SessionEvent[] = [];
  if (resumed === undefined) {
    const { tenant, clientId } = command;
    // Of whichever session: this one has none yet.
    events.push(...forgetSubscriptions({ tenant, clientId, sessionId: undefined }, state.filters));
  }
  events.push({
    type: 'SessionOpened',
    state: {
      tenant: command.tenant,
      clientId: command.clientId,
      sessionId,
      clientName: command.clientName,
      level: command.level,
      owner: command.owner,
      sessionExpiryS: command.sessionExpiryS,
      will: command.will,
      willDueAtMs: undefined,
      address: command.address,
      openedAtMs: command.nowMs,
      closedAtMs: undefined,
      closeReason: undefined,
      closedOwner: undefined,
      // Who still owns it has sent more since.
      sentThrough: resumed?.owner === undefined ? resumed?.sentThrough : undefined,
    },
  });
  return events;
}

function close(command: CloseCommand, { session }: ClientState): SessionEvent[] {
  // Only the owner closes: after a take-over the session belongs to somebody else.
  if (session === undefined || !sameOwner(session.owner, command.owner)) return [];
  const sessionExpiryS = command.sessionExpiryS ?? session.sessionExpiryS;
  const will = command.publishWill ? session.will : undefined;
  if (sessionExpiryS === 0 && will === undefined) return [end(session, 'transient')];
  return [
    {
      type: 'SessionClosed',
      state: {
        ...session,
        owner: undefined,
        closedOwner: command.owner,
        sessionExpiryS,
        will,
        // The will is due with its delay or with the end of the session, whichever is first (MQTT 5.0, 3.1.3.2.2).
        willDueAtMs: will && command.nowMs + Math.min(will.delayS, sessionExpiryS) * 1000,
        closedAtMs: command.nowMs,
        closeReason: command.reason,
        sentThrough: command.sentThrough,
      },
    },
  ];
}

function willPublished(
  command: { readonly sessionId: SessionId; readonly openedAtMs: number },
  { session }: ClientState,
): SessionEvent[] {
  if (session?.will === undefined || session.owner !== undefined) return [];
  if (session.sessionId !== command.sessionId || session.openedAtMs !== command.openedAtMs) return [];
  if (!isPersistent(session)) return [end(session, 'transient')];
  return [{ type: 'SessionClosed', state: { ...session, will: undefined, willDueAtMs: undefined } }];
}

/** The last owner says again what its last record said; nothing when somebody else had the session since. */
function restate(owner: SessionOwner, session: SessionState | undefined): SessionEvent[] {
  if (session === undefined || !sameOwner(lastOwner(session), owner)) return [];
  return [
    session.owner === undefined
      ? { type: 'SessionClosed', state: session }
      : { type: 'SessionOpened', state: session, restated: true },
  ];
}

/** Its subscriptions stay until this is on record and counts: another broker may have given the session to its client. */
function end(session: SessionState, reason: SessionEndReason): SessionEvent {
  const { tenant, clientId, openedAtMs } = session;
  return {
    type: 'SessionEnded',
    tenant,
    clientId,
    reason,
    lastOwner: lastOwner(session),
    lastOpenedAtMs: openedAtMs,
  };
}

/** What a connection asked for before its session was over leaves no record behind. */
function subscribe(
  subscriptions: readonly Subscription[],
  session: SessionState | undefined,
): SessionEvent[] {
  return subscriptions
    .filter(({ sessionId }) => sessionId === session?.sessionId)
    .map((subscription) => ({ type: 'Subscribed', subscription }));
}

function unsubscribe(filters: readonly string[], state: ClientState): SessionEvent[] {
  const session = state.session;
  if (session === undefined) return [];
  const present = new Set(state.filters);
  return forgetSubscriptions(
    session,
    filters.filter((filter) => present.has(filter)),
  );
}

function forgetSubscriptions(
  { tenant, clientId, sessionId }: Omit<ForgetCommand, 'type'>,
  filters: Iterable<string>,
): SessionEvent[] {
  return Array.from(filters, (filter) => ({ type: 'Unsubscribed', tenant, clientId, filter, sessionId }));
}
