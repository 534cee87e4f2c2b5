/**
 * One broker process as MQTT sees it: accepts links, finds the tenant of a CONNECT, routes log records to the
 * tenants' folds, and stops gracefully. Holds no state of its own that a crash could lose.
 */
import { NO_NOTES, type AuditNotes } from '../audit/audit-trail.ts';
import { decodeRetainedEvent } from '../event-log/retained-event-codec.ts';
import { decodeSessionEvent } from '../event-log/session-event-codec.ts';
import { decodeTenantEvent } from '../event-log/tenant-event-codec.ts';
import type { Principal } from '../auth/authenticator.ts';
import { PeerMesh } from '../cluster/peer-mesh.ts';
import { AppliedOffsets } from '../event-log/applied-offsets.ts';
import type { LogEntry } from '../event-log/event-log.ts';
import { REASON } from '../mqtt/reason-code.ts';
import { clientOf } from '../session/events.ts';
import type { SessionOwner } from '../session/events.ts';
import { userText } from '../auth/user-list.ts';
import { limitsFrom } from '../quota/tenant-limits.ts';
import type { TenantId, TenantUser } from '../tenancy/identity.ts';
import type { ActiveSession } from './active-session.ts';
import type { Tenant } from '../tenancy/tenant.ts';
import type { TenantDirectory } from '../tenancy/tenant-directory.ts';
import { AppendBatcher } from './append-batcher.ts';
import type { BrokerServices } from './broker-services.ts';
import { recheckRights } from './changed-rights.ts';
import { ClientConnection } from './client-connection.ts';
import type { ClientLink, LinkHandler } from './client-link.ts';
import { MarkBatcher } from './mark-batcher.ts';
import { PeerExchange } from './peers/peer-exchange.ts';
import { PublisherBrake } from './publisher-brake.ts';
import type { Redirection } from './redirection.ts';
import { RightsSweep } from './rights-sweep.ts';
import { StagedRetained } from './staged-retained.ts';
import { TenantBroker } from './tenant-broker.ts';
import { TrimBatcher } from './trim-batcher.ts';
import { UserChanges } from './user-changes.ts';

type OwnServices =
  'audit' | 'batcher' | 'trims' | 'marks' | 'brake' | 'stagedRetained' | 'peers' | 'onStoreError';
export type BrokerOptions = Omit<BrokerServices, OwnServices> & {
  /** Who is served. */
  readonly tenants: TenantDirectory;
  /** Default: nobody keeps what is noted. */
  readonly audit?: AuditNotes;
  /** The other brokers; default: there are none. */
  readonly mesh?: PeerMesh;
  /** Messages up to this size are sent along when another broker is told of their position. Default: all. */
  readonly noticeBytesMax?: number;
};

export class Broker {
  readonly services: BrokerServices;
  /**
   * Where every CONNECT that comes in is sent; undefined: clients are served here. Those connected already stay, see
   * `ActiveSession.redirect`, and so do those whose CONNECT is being answered right now.
   */
  redirection: Redirection | undefined;
  /** How far the session log has been applied: whoever follows it says so. */
  readonly applied = new AppliedOffsets();
  /** The same of the log of retained messages. */
  readonly appliedRetained = new AppliedOffsets();
  readonly userChanges = new UserChanges();
  readonly directory: TenantDirectory;
  readonly #tenants = new Map<TenantId, TenantBroker>();
  readonly #sweep = new RightsSweep(() => this.#activeSessions());
  #connections = 0;
  #undecodable = 0;

  constructor(options: BrokerOptions) {
    const { store, timers, limits, log } = options;
    const onStoreError = (error: unknown): void => {
      log.error({ err: error }, 'the store failed; nothing that depends on it is acknowledged');
    };
    const batcher = new AppendBatcher({
      store,
      incarnation: options.incarnation,
      timers,
      storeTimeoutMs: limits.storeTimeoutMs,
      bytesHigh: limits.unsyncedBytesHigh,
      onStoreError,
      onSettled: () => {
        brake.release();
      },
    });
    const stagedRetained = new StagedRetained(() => {
      brake.release();
    });
    const stagedBytes = (): number => batcher.stagedBytes + stagedRetained.bytes;
    const brake = new PublisherBrake(stagedBytes, limits.unsyncedBytesHigh);
    const { incarnation, clock } = options;
    const barrierTimeoutMs = limits.storeTimeoutMs;
    const peers = new PeerExchange({
      mesh: options.mesh ?? new PeerMesh({ incarnation, clock, timers, log, barrierTimeoutMs }),
      timers,
      applied: this.applied,
      appliedRetained: this.appliedRetained,
      waitMsMax: limits.storeTimeoutMs,
      noticeBytesMax: options.noticeBytesMax ?? Infinity,
      tenants: () => this.#tenants.values(),
      tenant: (tenant) => this.#tenantOf(tenant),
    });
    this.services = {
      ...options,
      limitsOf: options.limitsOf ?? ((tenant) => limitsFrom(options.tenants.get(tenant)?.limits ?? {})),
      audit: options.audit ?? NO_NOTES,
      peers,
      batcher,
      brake,
      stagedRetained,
      trims: new TrimBatcher(store, timers, onStoreError),
      marks: new MarkBatcher(store, timers),
      onStoreError,
    };
    this.directory = options.tenants;
    for (const { name } of this.directory.all()) this.#tenantOf(name);
    this.directory.onChange((name, tenant) => {
      this.#tenantChanged(name, tenant);
    });
  }

  /** undefined: nothing is known of it, neither that there is one nor that it has anything. */
  tenant(tenant: TenantId): TenantBroker | undefined {
    return this.#tenants.get(tenant);
  }

  /** Also those that are not served and have something on record. */
  tenants(): IterableIterator<TenantBroker> {
    return this.#tenants.values();
  }

  /** Records of either log that no tenant could make sense of. */
  get undecodableRecords(): number {
    return this.#undecodable;
  }

  /** The transport's way in. */
  readonly accept = (link: ClientLink): LinkHandler => new ClientConnection(this, link);

  nextOwner(): SessionOwner {
    return { incarnation: this.services.incarnation, connection: ++this.#connections };
  }

  /** To be applied up to the end of the log before the others: clients of a tenant that is not known are refused. */
  applyTenantRecord(entry: Pick<LogEntry, 'key' | 'value' | 'event'>): void {
    this.#decoded(entry.key, () => {
      this.directory.apply(decodeTenantEvent(entry));
    });
  }

  applySessionRecord(entry: Pick<LogEntry, 'key' | 'value' | 'event' | 'offset'>): void {
    this.#decoded(entry.key, () => {
      const event = decodeSessionEvent(entry);
      this.#tenantOf(clientOf(event).tenant).registry.apply(event, entry.offset);
    });
  }

  applyRetainedRecord(entry: Pick<LogEntry, 'key' | 'value'>): void {
    this.#decoded(entry.key, () => {
      const event = decodeRetainedEvent(entry);
      this.#tenantOf(event.tenant).retained.apply(event);
    });
  }

  /** Whoever has proven to be one of them goes on with what the user may do by now, or has to log in again. */
  usersChanged(users: readonly TenantUser[]): void {
    const changed = new Set(users.map(userText));
    for (const user of users) this.userChanges.note(user);
    for (const tenant of new Set(users.map((user) => user.tenant))) {
      for (const session of [...(this.tenant(tenant)?.activeSessions() ?? [])]) {
        const { principal } = session;
        if (principal.verified && changed.has(userText(principal))) void recheckRights(session);
      }
    }
  }

  /** Nobody can say which users were changed: as `usersChanged` with everybody, but who cannot be looked up stays. */
  changesMissed(): Promise<void> {
    return this.#sweep.run(undefined, false);
  }

  /** As `usersChanged`, with all users of a tenant that can be looked up: of others only a login can tell, and nothing is told of them. */
  tenantChanged(tenant: TenantId): Promise<void> {
    this.userChanges.noteAll();
    return this.#sweep.run(tenant, true);
  }

  /** Every connected client is told and disconnected; resolves when their ends are on record. */
  async stop(): Promise<void> {
    for (const tenant of this.#tenants.values()) {
      for (const session of [...tenant.activeSessions()]) {
        session.disconnect(REASON.serverShuttingDown, 'brokerShutdown', 'the broker is shutting down');
      }
    }
    for (const tenant of this.#tenants.values()) await tenant.lifecycle.stop();
    await this.services.batcher.barrier();
    await this.services.trims.flush();
  }

  *#activeSessions(): Generator<ActiveSession, void, undefined> {
    for (const tenant of this.#tenants.values()) yield* tenant.activeSessions();
  }

  /**
   * Made when something is first heard of it: records of a tenant may be here before the one that says that it exists, and what a tenant
   * has that is not served is kept, expires and is counted as anybody's.
   */
  #tenantOf(name: TenantId): TenantBroker {
    let tenant = this.#tenants.get(name);
    if (tenant === undefined) {
      tenant = new TenantBroker(name, this.services);
      this.#tenants.set(name, tenant);
    }
    return tenant;
  }

  #tenantChanged(name: TenantId, tenant: Tenant | undefined): void {
    if (tenant !== undefined) this.#tenantOf(name).limitsChanged();
    if (!this.directory.serves(name))
      this.tenant(name)?.dismissAll(`the tenant is ${tenant?.state ?? 'deleted'}`);
    else this.#dismissUnasked(name);
    if (this.directory.get(name) === undefined) this.#forget(name);
  }

  /** Whether who let that client in is somebody whom its tenant asks. */
  admits({ tenant, admittedBy }: Principal): boolean {
    const { isAsked } = this.services;
    return admittedBy === undefined || isAsked === undefined || isAsked(tenant, admittedBy);
  }

  #dismissUnasked(name: TenantId): void {
    for (const session of [...(this.tenant(name)?.activeSessions() ?? [])])
      if (!this.admits(session.principal))
        session.disconnect(
          REASON.administrativeAction,
          'administrative',
          'the tenant has another chain: log in again',
        );
  }

  /** Of what it had nothing is left. What comes up of it all the same makes another one, which nobody is served by. */
  #forget(name: TenantId): void {
    const tenant = this.#tenants.get(name);
    if (tenant?.isEmpty !== true) return;
    this.#tenants.delete(name);
    void tenant.lifecycle.stop();
  }

  /** One bad record must not keep the broker from starting with all the good ones. */
  #decoded(key: string, apply: () => void): void {
    try {
      apply();
    } catch (error) {
      this.#undecodable++;
      this.services.log.error({ key, err: error }, 'a log record could not be applied and is left out');
    }
  }
}
