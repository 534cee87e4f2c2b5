/**
 * The fold of one tenant's session log in memory: which sessions exist and what they subscribe to. Changed only
 * by `apply`, never by commands; what follows from a change (routes, timers) is the observer's.
 */
import type { Offset } from '../event-log/event-log.ts';
import type { ClientId, SessionId, TenantId } from '../tenancy/identity.ts';
import { ClientTable, type ClientNumber } from './client-table.ts';
import { evolveSession, evolveSubscription, type Versioned } from './evolve.ts';
import type { SessionRecord, SubscriptionRecord } from './evolve.ts';
import type { SessionEvent, SessionState, Subscription } from './events.ts';

/** All that the log says of one client, as it was when it was asked for. */
export interface ClientEntry {
  readonly number: ClientNumber;
  readonly clientId: ClientId;
  readonly session: Versioned<SessionState> | undefined;
  /** By filter as sent. */
  readonly subscriptions: ReadonlyMap<string, Versioned<Subscription>>;
}

/** What a broker may have left behind that died. */
export interface Unfinished {
  /** Sessions that somebody owns, alive or dead. */
  readonly owned: readonly SessionState[];
  /** Clients whose session has ended and whose subscriptions are still on record. */
  readonly withoutSession: readonly ClientId[];
}

export interface RegistryObserver {
  /** The session of a client appeared (`before` undefined), changed or ended (`after` undefined). */
  sessionChanged(
    client: ClientNumber,
    before: SessionState | undefined,
    after: SessionState | undefined,
  ): void;
  /**
   * The log has a record after the one of `session` that does not count: a late close or end by an earlier owner.
   * Compaction will keep it all the same, so the owner has to state again what is so.
   */
  overruled(client: ClientNumber, session: SessionState): void;
  /** The same of a subscription of the current session: what followed it on the log is of an earlier session. */
  subscriptionOverruled(client: ClientNumber, subscription: Subscription): void;
  /** A subscription of the client's current session came or was replaced. */
  subscribed(client: ClientNumber, subscription: Subscription): void;
  /** A subscription that was in force is so no longer. */
  unsubscribed(client: ClientNumber, subscription: Subscription): void;
}

export class SessionRegistry {
  readonly #clients: ClientTable;
  readonly #observer: RegistryObserver;

  constructor(tenant: TenantId, observer: RegistryObserver) {
    this.#clients = new ClientTable(tenant);
    this.#observer = observer;
  }

  get size(): number {
    return this.#clients.size;
  }

  get(clientId: ClientId): ClientEntry | undefined {
    const client = this.#clients.find(clientId);
    return client === undefined ? undefined : this.#entry(client);
  }

  /** Cheaper than `get`, for a client that may have thousands of subscriptions. */
  session(clientId: ClientId): SessionState | undefined {
    const client = this.#clients.find(clientId);
    return client === undefined ? undefined : this.#clients.session(client)?.value;
  }

  subscribes(clientId: ClientId, filter: string): boolean {
    const client = this.#clients.find(clientId);
    return client !== undefined && this.#clients.subscription(client, filter) !== undefined;
  }

  subscriptionCount(clientId: ClientId): number {
    const client = this.#clients.find(clientId);
    return client === undefined ? 0 : this.#clients.subscriptionCount(client);
  }

  numberOf(clientId: ClientId): ClientNumber | undefined {
    return this.#clients.find(clientId);
  }

  /** undefined: nobody on record has that number now. */
  clientIdOf(client: ClientNumber): ClientId | undefined {
    return this.#clients.has(client) ? this.#clients.clientId(client) : undefined;
  }

  /** The session on record of a client known by its number. */
  sessionOf(client: ClientNumber): SessionState | undefined {
    return this.#clients.session(client)?.value;
  }

  /** Whether somebody is connected to that client's session. Cheaper than `sessionOf`. */
  isOwned(client: ClientNumber): boolean {
    return this.#clients.isOwned(client);
  }

  /** In no particular order; each is read when it is its turn. */
  *entries(): Generator<ClientEntry, void, undefined> {
    for (const client of this.#clients.clients()) yield this.#entry(client);
  }

  /** Of every client that has one, as `entries`. */
  *sessions(): Generator<SessionState, void, undefined> {
    for (const client of this.#clients.clients()) {
      const session = this.#clients.session(client);
      if (session !== undefined) yield session.value;
    }
  }

  /** Found `clientsPerSlice` clients at a time: a pause in between keeps the rest alive. */
  *unfinished(clientsPerSlice: number): Generator<Unfinished, void, undefined> {
    for (let first = 0; first < this.#clients.numbersEnd; first += clientsPerSlice) {
      const owned: SessionState[] = [];
      const withoutSession: ClientId[] = [];
      for (const client of this.#clients.clients(first, first + clientsPerSlice)) {
        if (this.#clients.sessionId(client) === undefined)
          withoutSession.push(this.#clients.clientId(client));
        const session = this.#clients.isOwned(client) ? this.#clients.session(client) : undefined;
        if (session !== undefined) owned.push(session.value);
      }
      yield { owned, withoutSession };
    }
  }

  /** As `sessions`: of the clients that have one. */
  *clientIds(): Generator<ClientId, void, undefined> {
    for (const client of this.#clients.clients()) {
      if (this.#clients.sessionId(client) !== undefined) yield this.#clients.clientId(client);
    }
  }

  /** As `sessions`, without looking at anything else. */
  *sessionIds(): Generator<SessionId, void, undefined> {
    for (const client of this.#clients.clients()) {
      const sessionId = this.#clients.sessionId(client);
      if (sessionId !== undefined) yield sessionId;
    }
  }

  apply(event: SessionEvent, offset: Offset): void {
    switch (event.type) {
      case 'SessionOpened':
      case 'SessionClosed':
        this.#applySession(event.state.clientId, event, offset);
        break;
      case 'SessionEnded':
        this.#applySession(event.clientId, event, offset);
        break;
      case 'Subscribed':
        this.#applySubscription(event.subscription.clientId, event.subscription.filter, event, offset);
        break;
      case 'Unsubscribed':
        this.#applySubscription(event.clientId, event.filter, event, offset);
        break;
    }
  }

  #entry(client: ClientNumber): ClientEntry {
    return {
      number: client,
      clientId: this.#clients.clientId(client),
      session: this.#clients.session(client),
      subscriptions: new Map(
        this.#clients.subscriptions(client).map((versioned) => [versioned.value.filter, versioned]),
      ),
    };
  }

  #applySession(clientId: ClientId, event: SessionRecord, offset: Offset): void {
    const known = this.#clients.find(clientId);
    const before = known === undefined ? undefined : this.#clients.session(known);
    const after = evolveSession(before, event, offset);
    if (after === before) {
      if (known !== undefined && before !== undefined && offset > before.offset) {
        this.#observer.overruled(known, before.value);
      }
      return;
    }
    const client = known ?? this.#clients.add(clientId);
    const sessionIdChanged = before?.value.sessionId !== after?.value.sessionId;
    if (sessionIdChanged && before !== undefined) this.#revokeAll(client, before.value.sessionId);
    this.#clients.setSession(client, after);
    this.#observer.sessionChanged(client, before?.value, after?.value);
    if (sessionIdChanged && after !== undefined) this.#grantAll(client, after.value.sessionId);
    this.#forgetIfEmpty(client);
  }

  #applySubscription(clientId: ClientId, filter: string, event: SubscriptionRecord, offset: Offset): void {
    const known = this.#clients.find(clientId);
    const before = known === undefined ? undefined : this.#clients.subscription(known, filter);
    const after = evolveSubscription(before, event, offset);
    if (after === before) {
      if (known !== undefined && before !== undefined && offset > before.offset) {
        this.#tellOverruled(known, before.value);
      }
      return;
    }
    const client = known ?? this.#clients.add(clientId);
    this.#clients.setSubscription(client, filter, after);
    // A subscription on record counts only for the session that made it.
    const sessionId = this.#clients.sessionId(client);
    if (after !== undefined && after.value.sessionId === sessionId) {
      this.#observer.subscribed(client, after.value);
    } else if (before !== undefined && before.value.sessionId === sessionId) {
      this.#observer.unsubscribed(client, before.value);
      if (after !== undefined) this.#tellOverruled(client, before.value);
    }
    this.#forgetIfEmpty(client);
  }

  #tellOverruled(client: ClientNumber, subscription: Subscription): void {
    if (subscription.sessionId !== this.#clients.sessionId(client)) return;
    this.#observer.subscriptionOverruled(client, subscription);
  }

  #revokeAll(client: ClientNumber, sessionId: SessionId): void {
    for (const { value } of this.#clients.subscriptions(client)) {
      if (value.sessionId === sessionId) this.#observer.unsubscribed(client, value);
    }
  }

  #grantAll(client: ClientNumber, sessionId: SessionId): void {
    for (const { value } of this.#clients.subscriptions(client)) {
      if (value.sessionId === sessionId) this.#observer.subscribed(client, value);
    }
  }

  #forgetIfEmpty(client: ClientNumber): void {
    if (this.#clients.subscriptionCount(client) > 0) return;
    if (this.#clients.sessionId(client) === undefined) this.#clients.remove(client);
  }
}
