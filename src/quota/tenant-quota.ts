/**
 * What one tenant may use at this broker, and what it has used of its rates. Who exceeds what is counted and told; what
 * follows from it is done where it is asked. Limits may become others while clients are connected.
 */
import { LRUCache } from 'lru-cache';
import type { AuditNotes } from '../audit/audit-trail.ts';
import type { BrokerLimits } from '../broker/limits.ts';
import type { Counters } from '../metrics/counters.ts';
import type { ClientId, TenantId } from '../tenancy/identity.ts';
import type { Clock, Timers } from '../time/clock.ts';
import { ClientQuota, type MeteredLink } from './client-quota.ts';
import { SharedRate } from './shared-rate.ts';
import {
  limitOf,
  limitsWithin,
  NO_LIMITS,
  quotasOf,
  type QuotaName,
  type Quotas,
  type TenantLimits,
} from './tenant-limits.ts';
import { bucketOf, TokenBucket } from './token-bucket.ts';
import { WakeClock } from './wake-clock.ts';

export interface TenantQuotaOptions {
  readonly tenant: TenantId;
  /** Of the broker, for every tenant. */
  readonly limits: BrokerLimits;
  /** For tenants that nothing else is said of. */
  readonly configured: TenantLimits | undefined;
  /** What is said of this tenant by now. */
  readonly overrides: ((tenant: TenantId) => TenantLimits) | undefined;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly counters: Counters;
  readonly audit: AuditNotes;
}

/** What clients are held back by. */
export type Measure = 'publishes' | 'bytesIn' | 'bytesOut';

interface Rate {
  readonly names: { readonly own: QuotaName; readonly shared: QuotaName };
  /** Per second; Infinity: no limit. */
  readonly rateOfClient: number;
  readonly shared: SharedRate | undefined;
}

type RateName = 'publishRateMax' | 'bytesInRateMax' | 'bytesOutRateMax';

const RATES: Readonly<Record<Measure, { readonly name: RateName; readonly part: number }>> = {
  publishes: { name: 'publishRateMax', part: 1 },
  bytesIn: { name: 'bytesInRateMax', part: 1_024 },
  bytesOut: { name: 'bytesOutRateMax', part: 1_024 },
};

/** Client identifiers whose connections are counted; the one not heard of for longest is forgotten. */
const CLIENTS_REMEMBERED = 10_000;

export class TenantQuota {
  readonly wakes: WakeClock;
  readonly nowMs: () => number;
  /** Clients that are not read now, and clients that get nothing now. */
  readingHeld = 0;
  deliveryHeld = 0;
  /** Filters of SUBSCRIBE packets that are not on record yet. */
  filtersUnderWay = 0;
  readonly #options: TenantQuotaOptions;
  #quotas: Quotas;
  #limits: BrokerLimits;
  #rates: Readonly<Record<Measure, Rate>>;
  #connectsOfTenant: TokenBucket | undefined;
  /** undefined: no client has a limit. */
  #connectsOfClients: LRUCache<ClientId, TokenBucket> | undefined;

  constructor(options: TenantQuotaOptions) {
    this.#options = options;
    this.wakes = new WakeClock(options.timers);
    this.nowMs = () => options.clock.nowMs();
    this.#quotas = this.#read();
    this.#limits = limitsWithin(options.limits, this.#quotas);
    this.#rates = this.#ratesNow(undefined);
    this.#limitConnects();
  }

  /** The broker's limits as they are for this tenant. */
  get limits(): BrokerLimits {
    return this.#limits;
  }

  get quotas(): Quotas {
    return this.#quotas;
  }

  get rates(): Readonly<Record<Measure, Rate>> {
    return this.#rates;
  }

  /** Reads the limits again. Connected clients have to be told, see `ClientQuota.changed`. */
  changed(): void {
    this.#quotas = this.#read();
    this.#limits = limitsWithin(this.#options.limits, this.#quotas);
    this.#rates = this.#ratesNow(this.#rates);
    this.#limitConnects();
  }

  clientOf(link: MeteredLink, clientId: ClientId): ClientQuota {
    return new ClientQuota(this, link, clientId);
  }

  /** One more connection of that client: the rate that it is too much for, counted; undefined: none. */
  connects(clientId: ClientId): QuotaName | undefined {
    const nowMs = this.nowMs();
    const refused = this.#takeConnection(clientId, nowMs);
    if (refused !== undefined) this.exceeded(refused, clientId);
    return refused;
  }

  /** `clientId`: who met it; undefined: the broker itself. */
  exceeded(quota: QuotaName, clientId: ClientId | undefined): void {
    const { tenant, counters, audit } = this.#options;
    counters.quotaExceeded(quota);
    audit.note({
      kind: 'quotaExceeded',
      tenant,
      quota,
      clientId: quota.startsWith('tenant.') ? undefined : clientId,
      limit: limitOf(quota, this.#limits, this.#quotas),
    });
  }

  #read(): Quotas {
    const { tenant, configured, overrides } = this.#options;
    return quotasOf(configured ?? NO_LIMITS, overrides?.(tenant) ?? NO_LIMITS);
  }

  /** Its own first: a client that is refused for itself takes nothing from the others. */
  #takeConnection(clientId: ClientId, nowMs: number): QuotaName | undefined {
    const clients = this.#connectsOfClients;
    if (clients !== undefined) {
      const { connectionRateMax } = this.#quotas.client;
      const bucket = clients.get(clientId) ?? new TokenBucket(connectionRateMax, nowMs);
      clients.set(clientId, bucket);
      if (!bucket.take(nowMs)) return 'client.connectionRateMax';
    }
    return this.#connectsOfTenant?.take(nowMs) === false ? 'tenant.connectionRateMax' : undefined;
  }

  #limitConnects(): void {
    const { tenant, client } = this.#quotas;
    this.#connectsOfTenant = bucketOf(tenant.connectionRateMax, this.nowMs(), this.#connectsOfTenant);
    const isLimited = client.connectionRateMax !== Infinity;
    this.#connectsOfClients = isLimited ? new LRUCache({ max: CLIENTS_REMEMBERED }) : undefined;
  }

  #ratesNow(before: Readonly<Record<Measure, Rate>> | undefined): Readonly<Record<Measure, Rate>> {
    const rate = (measure: Measure): Rate => {
      const { name, part } = RATES[measure];
      return {
        names: { own: `client.${name}`, shared: `tenant.${name}` },
        rateOfClient: this.#quotas.client[name],
        shared: this.#shared(this.#quotas.tenant[name], part, before?.[measure].shared),
      };
    };
    return { publishes: rate('publishes'), bytesIn: rate('bytesIn'), bytesOut: rate('bytesOut') };
  }

  #shared(ratePerS: number, part: number, before: SharedRate | undefined): SharedRate | undefined {
    if (ratePerS === Infinity) return undefined;
    if (before === undefined) return new SharedRate(ratePerS, part, this.#options.clock, this.wakes);
    before.change(ratePerS);
    return before;
  }
}
