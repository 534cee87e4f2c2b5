/** Tenants for the admin API: what there is of each, and what an administrator may make of them. */
import { TenantRefusedError, type TenantChanges, type TenantRefusal } from '../broker/tenant-changes.ts';
import type { Counters } from '../metrics/counters.ts';
import { CLIENT_QUOTAS, limitsFrom, TENANT_QUOTAS } from '../quota/tenant-limits.ts';
import { tenantLimitsSchema } from '../quota/tenant-limits-schema.ts';
import type { TenantId } from '../tenancy/identity.ts';
import type { Tenant, TenantSettings } from '../tenancy/tenant.ts';
import type { TenantDirectory } from '../tenancy/tenant-directory.ts';
import { ApiError } from './api-error.ts';
import type { TenantSettingsRequest, TenantsPort, TenantSummary } from './tenants-port.ts';

export interface TenantAdminOptions {
  readonly directory: TenantDirectory;
  /** undefined: nothing is known of what it has. */
  readonly countersOf: (tenant: TenantId) => Counters | undefined;
  readonly changes: TenantChanges;
  /** Authenticators that tenants may have in a chain of their own. */
  readonly authenticators: ReadonlySet<string>;
}

export class TenantAdmin implements TenantsPort {
  readonly #options: TenantAdminOptions;

  constructor(options: TenantAdminOptions) {
    this.#options = options;
  }

  list(): readonly TenantSummary[] {
    return Array.from(this.#options.directory.all(), (tenant) => this.#summary(tenant));
  }

  show(name: TenantId): TenantSummary | undefined {
    const tenant = this.#options.directory.get(name);
    return tenant && this.#summary(tenant);
  }

  async create(name: TenantId, request: TenantSettingsRequest): Promise<TenantSummary> {
    const { limits = {}, chain } = this.#settings(request);
    return this.#summary(await explained(this.#options.changes.create(name, { limits, chain })));
  }

  async change(name: TenantId, request: TenantSettingsRequest): Promise<TenantSummary> {
    return this.#summary(await explained(this.#options.changes.change(name, this.#settings(request))));
  }

  async suspend(name: TenantId): Promise<TenantSummary> {
    return this.#summary(await explained(this.#options.changes.suspend(name)));
  }

  async resume(name: TenantId): Promise<TenantSummary> {
    return this.#summary(await explained(this.#options.changes.resume(name)));
  }

  async delete(name: TenantId): Promise<TenantSummary> {
    return this.#summary(await explained(this.#options.changes.beginDeletion(name)));
  }

  /** An empty chain is the configured one; what is left out stays as it is. */
  #settings({ limits, chain }: TenantSettingsRequest): Partial<TenantSettings> {
    const unknown = chain?.find((name) => !this.#options.authenticators.has(name));
    if (unknown !== undefined) {
      const there = [...this.#options.authenticators].join(', ');
      throw new ApiError(
        'BAD_REQUEST',
        `there is no authenticator ${JSON.stringify(unknown)} here`,
        there === ''
          ? 'Tenants have chains of their own with auth.mode "chain" only'
          : `Use ${there}, or have auth.chain or auth.tenantChains name it on every broker`,
      );
    }
    if (limits !== undefined) checkLimits(limits);
    return {
      ...(limits === undefined ? {} : { limits }),
      ...(chain === undefined ? {} : { chain: chain.length === 0 ? undefined : chain }),
    };
  }

  #summary({ name, state, limits, chain, createdAtMs, changedAtMs }: Tenant): TenantSummary {
    const { directory, countersOf } = this.#options;
    const counters = countersOf(name);
    return {
      tenant: name,
      state,
      configured: directory.isConfigured(name),
      limits,
      chain,
      createdAtMs: createdAtMs === 0 ? undefined : createdAtMs,
      changedAtMs: changedAtMs === 0 ? undefined : changedAtMs,
      connections: counters?.connections ?? 0,
      sessions: counters?.sessions ?? 0,
      subscriptions: counters?.subscriptions ?? 0,
      retainedMessages: counters?.retainedMessages ?? 0,
    };
  }
}

/** The largest that the record of a tenant can hold: a long of Avro is exact up to there. */
const LIMIT_MAX = Number.MAX_SAFE_INTEGER - 1;

/** Throws an `ApiError` that names the first one that is wrong. */
function checkLimits(limits: Tenant['limits']): void {
  const names = [
    ...TENANT_QUOTAS.map((name) => `tenant.${name}`),
    ...CLIENT_QUOTAS.map((name) => `client.${name}`),
  ];
  const unknown = Object.keys(limits).find((name) => !names.includes(name));
  if (unknown !== undefined)
    throw new ApiError(
      'BAD_REQUEST',
      `there is no quota ${JSON.stringify(unknown)}`,
      `Use ${names.join(', ')}`,
    );
  const tooLarge = Object.keys(limits).find((name) => (limits[name] ?? 0) > LIMIT_MAX);
  if (tooLarge !== undefined)
    throw new ApiError(
      'BAD_REQUEST',
      `the quota ${tooLarge} cannot be that: the most is ${LIMIT_MAX}`,
      'Use 0 for no limit',
    );
  const [issue] = tenantLimitsSchema.safeParse(limitsFrom(limits)).error?.issues ?? [];
  if (issue !== undefined)
    throw new ApiError(
      'BAD_REQUEST',
      `the quota ${issue.path.join('.')} cannot be that: ${issue.message}`,
      'Use 0 for no limit',
    );
}

const REFUSALS: Readonly<Record<TenantRefusal, readonly ['CONFLICT' | 'NOT_FOUND', string, string]>> = {
  exists: ['CONFLICT', 'is there already', 'Change it, or choose another name'],
  unknown: ['NOT_FOUND', 'does not exist', 'See the list of tenants'],
  deleting: ['CONFLICT', 'is being deleted', 'Wait until it is gone, then create it anew'],
  configured: [
    'CONFLICT',
    'is named by the configuration, and would come back',
    'Remove it from tenants on every broker and restart them, or suspend it',
  ],
};

async function explained(change: Promise<Tenant>): Promise<Tenant> {
  try {
    return await change;
  } catch (cause) {
    if (!(cause instanceof TenantRefusedError)) throw cause;
    const [code, what, fix] = REFUSALS[cause.refusal];
    throw new ApiError(code, `tenant "${cause.tenant}" ${what}`, fix, { cause });
  }
}
