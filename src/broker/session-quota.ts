/**
 * Counts the sessions and connections of one tenant against its quota. Over all brokers: the fold of the log knows every
 * session and who owns it, here or elsewhere. Decides before a session is opened, and again on what the log says once its
 * record has been read back.
 */
import type { Counters } from '../metrics/counters.ts';
import { REASON } from '../mqtt/reason-code.ts';
import type { QuotaName } from '../quota/tenant-limits.ts';
import type { TenantQuota } from '../quota/tenant-quota.ts';
import type { SessionState } from '../session/events.ts';
import type { ClientId } from '../tenancy/identity.ts';
import { ConnectRefused } from './connect-refused.ts';

/** What a connection that is being opened adds, once its record is applied. */
interface Claim {
  readonly clientId: ClientId;
  readonly session: 0 | 1;
  readonly connection: 0 | 1;
}

export interface SessionQuotaOptions {
  readonly quota: TenantQuota;
  readonly counters: Counters;
  /** Of the tenant, on record. */
  readonly sessions: () => number;
}

export class SessionQuota {
  readonly #options: SessionQuotaOptions;
  /** By the number of the connection, until its record is applied. */
  readonly #claims = new Map<number, Claim>();
  readonly #refused = new Map<number, QuotaName>();
  #sessionsComing = 0;
  #connectionsComing = 0;

  constructor(options: SessionQuotaOptions) {
    this.#options = options;
  }

  /**
   * `connection` asks for the session of its client, which was `before` until now. Throws `ConnectRefused` when there is no
   * room; else `settle` must follow once.
   */
  claim(connection: number, clientId: ClientId, before: SessionState | undefined): void {
    const { quota, counters, sessions } = this.#options;
    const { sessionsMax } = quota.limits;
    const { connectionsMax } = quota.quotas.tenant;
    const isNew = before === undefined;
    // A client that is connected already only changes its connection.
    const isOneMore = before?.owner === undefined;
    if (isNew && sessions() + this.#sessionsComing >= sessionsMax)
      this.#refuse('tenant.sessionsMax', clientId);
    if (isOneMore && counters.clusterConnections + this.#connectionsComing >= connectionsMax)
      this.#refuse('tenant.connectionsMax', clientId);
    const claim: Claim = { clientId, session: isNew ? 1 : 0, connection: isOneMore ? 1 : 0 };
    this.#claims.set(connection, claim);
    this.#count(claim, 1);
  }

  /** The registry was told so; `connection`: of this broker, whose record it was. */
  changed(
    before: SessionState | undefined,
    after: SessionState | undefined,
    connection: number | undefined,
  ): void {
    const { quota, counters, sessions } = this.#options;
    counters.clusterConnections +=
      (after?.owner === undefined ? 0 : 1) - (before?.owner === undefined ? 0 : 1);
    const claim = connection === undefined ? undefined : this.#claims.get(connection);
    if (connection === undefined || claim === undefined) return;
    this.#forget(connection, claim);
    // Another broker may have let clients in meanwhile: who comes later on the log is one too many.
    if (claim.session === 1 && sessions() > quota.limits.sessionsMax)
      this.#overrule(connection, claim, 'tenant.sessionsMax');
    else if (claim.connection === 1 && counters.clusterConnections > quota.quotas.tenant.connectionsMax)
      this.#overrule(connection, claim, 'tenant.connectionsMax');
  }

  /** What the log made of it: the quota that its record came too late for. */
  overruled(connection: number): QuotaName | undefined {
    return this.#refused.get(connection);
  }

  /** Nothing more comes of what was claimed. */
  settle(connection: number): void {
    const claim = this.#claims.get(connection);
    if (claim !== undefined) this.#forget(connection, claim);
    this.#refused.delete(connection);
  }

  /** Throws. */
  #refuse(name: QuotaName, clientId: ClientId): never {
    this.#options.quota.exceeded(name, clientId);
    throw quotaRefusal(name);
  }

  #overrule(connection: number, { clientId }: Claim, name: QuotaName): void {
    this.#options.quota.exceeded(name, clientId);
    this.#refused.set(connection, name);
  }

  #forget(connection: number, claim: Claim): void {
    this.#claims.delete(connection);
    this.#count(claim, -1);
  }

  #count({ session, connection }: Claim, sign: 1 | -1): void {
    this.#sessionsComing += sign * session;
    this.#connectionsComing += sign * connection;
  }
}

export function quotaRefusal(name: QuotaName): ConnectRefused {
  return new ConnectRefused(
    REASON.quotaExceeded,
    name === 'tenant.sessionsMax'
      ? 'the tenant has as many sessions as it may have'
      : 'the tenant has as many connections as it may have',
  );
}
