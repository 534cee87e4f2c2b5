/**
 * The fold of one tenant's session log in memory: which sessions exist and what they subscribe to. Changed only
 * by `apply`, never by commands; what follows from a change (routes, timers) is the observer's.
 */
import type { Offset } from '../event-log/event-log.ts';
import type { ClientId } from '../tenancy/identity.ts';
import { evolveSession, evolveSubscription, type Versioned } from './evolve.ts';
import type { SessionEvent, SessionState, Subscription } from './events.ts';

/** All that the log says of one client. */
export interface ClientEntry {
  readonly clientId: ClientId;
  session: Versioned<SessionState> | undefined;
  /** By filter as sent. Undefined until the first one: most transient sessions never have any on record. */
  subscriptions: Map<string, Versioned<Subscription>> | undefined;
}

export interface RegistryObserver {
  /** The session of a client appeared, changed or ended (`after` undefined). */
  sessionChanged(entry: ClientEntry, before: SessionState | undefined, after: SessionState | undefined): void;
  /** A subscription of the client's current session came or was replaced. */
  subscribed(entry: ClientEntry, subscription: Subscription): void;
  /** A subscription that was in force is so no longer. */
  unsubscribed(entry: ClientEntry, subscription: Subscription): void;
}

export class SessionRegistry {
  readonly #clients = new Map<ClientId, ClientEntry>();
  readonly #observer: RegistryObserver;

  constructor(observer: RegistryObserver) {
    this.#observer = observer;
  }

  get size(): number {
    return this.#clients.size;
  }

  get(clientId: ClientId): ClientEntry | undefined {
    return this.#clients.get(clientId);
  }

  /** In the order the clients were first seen. */
  entries(): IterableIterator<ClientEntry> {
    return this.#clients.values();
  }

  apply(event: SessionEvent, offset: Offset): void {
    switch (event.type) {
      case 'SessionOpened':
      case 'SessionClosed':
        this.#applySession(this.#entry(event.state.clientId), event, offset);
        break;
      case 'SessionEnded':
        this.#applySession(this.#entry(event.clientId), event, offset);
        break;
      case 'Subscribed':
        this.#applySubscription(
          this.#entry(event.subscription.clientId),
          event.subscription.filter,
          event,
          offset,
        );
        break;
      case 'Unsubscribed':
        this.#applySubscription(this.#entry(event.clientId), event.filter, event, offset);
        break;
    }
  }

  #applySession(entry: ClientEntry, event: Parameters<typeof evolveSession>[1], offset: Offset): void {
    const before = entry.session;
    const after = evolveSession(before, event, offset);
    if (after === before) {
      this.#forgetIfEmpty(entry);
      return;
    }
    const sessionIdChanged = before?.value.sessionId !== after?.value.sessionId;
    if (sessionIdChanged && before !== undefined) this.#revokeAll(entry, before.value);
    entry.session = after;
    this.#observer.sessionChanged(entry, before?.value, after?.value);
    if (sessionIdChanged && after !== undefined) this.#grantAll(entry, after.value);
    this.#forgetIfEmpty(entry);
  }

  #applySubscription(
    entry: ClientEntry,
    filter: string,
    event: Parameters<typeof evolveSubscription>[1],
    offset: Offset,
  ): void {
    const before = entry.subscriptions?.get(filter);
    const after = evolveSubscription(before, event, offset);
    if (after !== before) {
      if (after === undefined) entry.subscriptions?.delete(filter);
      else (entry.subscriptions ??= new Map()).set(filter, after);
      const session = entry.session?.value;
      if (after !== undefined && inForce(after.value, session)) this.#observer.subscribed(entry, after.value);
      else if (before !== undefined && inForce(before.value, session)) {
        this.#observer.unsubscribed(entry, before.value);
      }
    }
    this.#forgetIfEmpty(entry);
  }

  #revokeAll(entry: ClientEntry, session: SessionState): void {
    for (const { value } of entry.subscriptions?.values() ?? []) {
      if (inForce(value, session)) this.#observer.unsubscribed(entry, value);
    }
  }

  #grantAll(entry: ClientEntry, session: SessionState): void {
    for (const { value } of entry.subscriptions?.values() ?? []) {
      if (inForce(value, session)) this.#observer.subscribed(entry, value);
    }
  }

  #entry(clientId: ClientId): ClientEntry {
    let entry = this.#clients.get(clientId);
    if (entry === undefined) {
      entry = { clientId, session: undefined, subscriptions: undefined };
      this.#clients.set(clientId, entry);
    }
    return entry;
  }

  #forgetIfEmpty(entry: ClientEntry): void {
    if (entry.session !== undefined) return;
    if (entry.subscriptions !== undefined && entry.subscriptions.size > 0) return;
    this.#clients.delete(entry.clientId);
  }
}

/** A subscription on record counts only for the session that made it. */
function inForce(subscription: Subscription, session: SessionState | undefined): boolean {
  return subscription.sessionId === session?.sessionId;
}
