/** Looks at every connected client again, of a tenant or of all, when nobody can say which users were changed: some clients at a time. */
import type { TenantId } from '../tenancy/identity.ts';
import type { ActiveSession } from './active-session.ts';
import { recheckRights } from './changed-rights.ts';

/** At a time: where users are kept is to answer logins as well. */
const RECHECKS_AT_A_TIME = 200;

export class RightsSweep {
  readonly #sessions: () => Iterable<ActiveSession>;
  /** What is still to be done, each once: by tenant, undefined for all, whether its users were changed for sure. */
  readonly #asked = new Map<TenantId | undefined, boolean>();
  #underWay: Promise<void> | undefined;

  /** `sessions`: those that are connected now. */
  constructor(sessions: () => Iterable<ActiveSession>) {
    this.#sessions = sessions;
  }

  /**
   * `tenant` undefined: everybody. `areChanged`: see `recheckRights`. Never rejects; asked again while it is under way it begins anew
   * behind that.
   */
  run(tenant: TenantId | undefined, areChanged: boolean): Promise<void> {
    this.#asked.set(tenant, areChanged || this.#asked.get(tenant) === true);
    this.#underWay ??= this.#runAll();
    return this.#underWay;
  }

  async #runAll(): Promise<void> {
    for (;;) {
      const [next] = this.#asked;
      if (next === undefined) {
        this.#underWay = undefined;
        return;
      }
      const [tenant, areChanged] = next;
      this.#asked.delete(tenant);
      await this.#look(tenant, areChanged);
    }
  }

  async #look(tenant: TenantId | undefined, areChanged: boolean): Promise<void> {
    const all = [...this.#sessions()].filter(
      ({ principal }) =>
        principal.lookAgain !== undefined && (tenant === undefined || principal.tenant === tenant),
    );
    for (let first = 0; first < all.length; first += RECHECKS_AT_A_TIME) {
      const some = all.slice(first, first + RECHECKS_AT_A_TIME);
      await Promise.all(some.map((session) => recheckRights(session, areChanged)));
    }
  }
}
