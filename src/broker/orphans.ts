/**
 * Sessions whose broker died under them: each is closed, with its will, by one survivor. Alone, a broker sees to those of its own
 * earlier runs; among peers the membership says who is dead, and rendezvous hashing which of the living sees to a client.
 */
import type { PeerMesh } from '../cluster/peer-mesh.ts';
import { lastOwner } from '../session/evolve.ts';
import type { SessionState } from '../session/events.ts';
import type { SessionRegistry } from '../session/session-registry.ts';
import { brokerIdOf, type ClientId, type Incarnation, type TenantId } from '../tenancy/identity.ts';
import type { Timers } from '../time/clock.ts';
import type { BrokerLog } from './broker-log.ts';
import type { SessionLifecycle } from './session-lifecycle.ts';

export interface OrphansOptions {
  readonly tenant: TenantId;
  readonly registry: SessionRegistry;
  readonly lifecycle: SessionLifecycle;
  readonly mesh: PeerMesh;
  readonly timers: Timers;
  /** See `BrokerServices`. */
  readonly logsAreShared: boolean;
  readonly diagnostics: BrokerLog;
  readonly onClosed: (sessions: number) => void;
}

/** Clients looked at in one turn of the event loop: a few milliseconds. */
const CLIENTS_PER_TURN = 20_000;
/** Sessions of a dead incarnation that are closed at the same time. */
const RECOVERIES_AT_ONCE = 1000;

export class Orphans {
  readonly #options: OrphansOptions;
  /** Clients of dead owners whose last record on the log does not count; undefined: the log has been read, and each is seen to at once. */
  #overruled: Set<ClientId> | undefined = new Set();

  constructor(options: OrphansOptions) {
    this.#options = options;
  }

  /**
   * Closes the sessions whose owner is not among the living, as far as this broker is the one to do it. Rejects when it cannot be known
   * who is alive. Returns how many.
   */
  async closeAll(): Promise<number> {
    const { registry, lifecycle, mesh, timers } = this.#options;
    const pause = (): Promise<void> => new Promise((resume) => timers.after(0, resume));
    const owned: SessionState[] = [];
    for (const unfinished of registry.unfinished(CLIENTS_PER_TURN)) {
      owned.push(...unfinished.owned.filter(({ owner }) => owner?.incarnation !== mesh.incarnation));
      for (const clientId of unfinished.withoutSession) {
        if (mesh.isResponsibleFor(clientId)) await lifecycle.forget(clientId);
      }
      if (registry.size > CLIENTS_PER_TURN) await pause();
    }
    await mesh.findDead(
      new Set(owned.flatMap(({ owner }) => (owner === undefined ? [] : [owner.incarnation]))),
    );
    const orphans = owned.filter(
      (session) => this.#isOrphan(session) && mesh.isResponsibleFor(session.clientId),
    );
    for (let first = 0; first < orphans.length; first += RECOVERIES_AT_ONCE) {
      await Promise.all(
        orphans.slice(first, first + RECOVERIES_AT_ONCE).map((session) => this.#close(session)),
      );
    }
    this.#restateOverruled();
    if (orphans.length > 0) this.#options.onClosed(orphans.length);
    return orphans.length;
  }

  /** As `closeAll`, for a broker that goes on whatever comes of it: the next one that dies, or the next look, finds them again. */
  closeAllEventually(): void {
    const { tenant, diagnostics } = this.#options;
    this.closeAll().catch((error: unknown) => {
      diagnostics.error({ tenant, err: error }, 'sessions of a dead broker not closed yet');
    });
  }

  /** Whether nothing more can come of that run, so far as is known here. */
  isDead(run: Incarnation): boolean {
    const { mesh, logsAreShared } = this.#options;
    // Another process under the name of this broker is a mistake, but it lives.
    if (run === mesh.incarnation || mesh.link(run)?.isUp === true) return false;
    return !logsAreShared || brokerIdOf(run) === brokerIdOf(mesh.incarnation) || mesh.isDown(run);
  }

  /** A record says of the session what is new. */
  changed(clientId: ClientId | undefined, after: SessionState | undefined): void {
    if (clientId !== undefined) this.#overruled?.delete(clientId);
    // A record that its owner wrote before it died, read after the others were seen to.
    if (this.#overruled === undefined && after !== undefined && this.#isOrphan(after))
      this.#closeLater(after);
  }

  /** The log has a record after the one of `session` that does not count; see `RegistryObserver.overruled`. */
  overruled(session: SessionState): void {
    const owner = lastOwner(session);
    if (owner === undefined || !this.isDead(owner.incarnation)) return;
    // An earlier run can no more, so a present one does; but while the log is being read, a record that counts may follow.
    if (this.#overruled !== undefined) this.#overruled.add(session.clientId);
    else if (this.#options.mesh.isResponsibleFor(session.clientId)) this.#options.lifecycle.restate(session);
  }

  #restateOverruled(): void {
    const overruled = this.#overruled ?? [];
    this.#overruled = undefined;
    for (const clientId of overruled) {
      const session = this.#options.registry.session(clientId);
      if (session !== undefined) this.#options.lifecycle.restate(session);
    }
  }

  #isOrphan({ owner }: SessionState): boolean {
    return owner !== undefined && this.isDead(owner.incarnation);
  }

  #closeLater(session: SessionState): void {
    const { mesh, tenant, diagnostics } = this.#options;
    if (!mesh.isJoined || !mesh.isResponsibleFor(session.clientId)) return;
    this.#close(session).catch((error: unknown) => {
      const { clientId } = session;
      diagnostics.error({ tenant, clientId, err: error }, 'session of a dead broker not closed yet');
    });
  }

  async #close(session: SessionState): Promise<void> {
    if (session.owner === undefined) return;
    await this.#options.lifecycle.close(session.clientId, {
      owner: session.owner,
      reason: 'brokerDown',
      publishWill: true,
      sessionExpiryS: undefined,
      sentThrough: undefined,
    });
  }
}
