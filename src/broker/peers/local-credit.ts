/**
 * Which persistent members of shared groups that are connected here cannot take more just now, so that other brokers give what is for
 * their groups to members that can. Told when it changes, at most once a turn for each session; of others nothing is told.
 */
import { parseShare } from '../../mqtt/topic.ts';
import type { ClientId, TenantId } from '../../tenancy/identity.ts';
import type { Timers } from '../../time/clock.ts';
import type { CreditFrame } from '../../cluster/peer-frame.ts';

export interface LocalCreditOptions {
  readonly tenant: TenantId;
  readonly timers: Timers;
  /** Of the session on record, all as sent. */
  readonly filtersOf: (clientId: ClientId) => Iterable<string>;
  readonly tellAll: (frame: CreditFrame) => void;
}

/** Of a session that has been out of credit since it was connected. */
interface Entry {
  hasCredit: boolean;
  /** What peers believe. */
  told: boolean;
  /** undefined: its subscriptions have not been looked at since they changed. */
  isMember: boolean | undefined;
}

export class LocalCredit {
  readonly #options: LocalCreditOptions;
  readonly #entries = new Map<ClientId, Entry>();
  readonly #changed = new Set<ClientId>();

  constructor(options: LocalCreditOptions) {
    this.#options = options;
  }

  changed(clientId: ClientId, hasCredit: boolean): void {
    let entry = this.#entries.get(clientId);
    if (entry === undefined) {
      entry = { hasCredit, told: true, isMember: undefined };
      this.#entries.set(clientId, entry);
    }
    entry.hasCredit = hasCredit;
    this.#tellLater(clientId);
  }

  /** The session has subscribed, or unsubscribed. */
  subscriptionsChanged(clientId: ClientId, filter: string): void {
    const entry = this.#entries.get(clientId);
    if (entry === undefined || parseShare(filter) === undefined) return;
    entry.isMember = undefined;
    this.#tellLater(clientId);
  }

  /** It is not connected here any more: whoever has it next begins with credit. */
  left(clientId: ClientId): void {
    const entry = this.#entries.get(clientId);
    if (entry === undefined) return;
    this.#entries.delete(clientId);
    this.#changed.delete(clientId);
    if (!entry.told) this.#tell(clientId, true);
  }

  /** For a broker that knows nothing yet. */
  *frames(): Generator<CreditFrame, void, undefined> {
    for (const [clientId, { told }] of this.#entries) if (!told) yield this.#frame(clientId, false);
  }

  #tellLater(clientId: ClientId): void {
    if (this.#changed.size === 0) this.#options.timers.endOfTurn(this.#tellChanged);
    this.#changed.add(clientId);
  }

  readonly #tellChanged = (): void => {
    for (const clientId of this.#changed) {
      const entry = this.#entries.get(clientId);
      if (entry === undefined) continue;
      // Others give it what is for its group alone.
      const believed = entry.hasCredit || !this.#isMember(clientId, entry);
      if (believed === entry.told) continue;
      entry.told = believed;
      this.#tell(clientId, believed);
    }
    this.#changed.clear();
  };

  #isMember(clientId: ClientId, entry: Entry): boolean {
    if (entry.isMember === undefined) {
      entry.isMember = false;
      for (const filter of this.#options.filtersOf(clientId)) {
        if (parseShare(filter) !== undefined) entry.isMember = true;
      }
    }
    return entry.isMember;
  }

  #tell(clientId: ClientId, hasCredit: boolean): void {
    this.#options.tellAll(this.#frame(clientId, hasCredit));
  }

  #frame(clientId: ClientId, hasCredit: boolean): CreditFrame {
    return { type: 'credit', tenant: this.#options.tenant, clientId, hasCredit };
  }
}
