/** Makes the authenticators that the configuration asks for, and closes what they hold. */
import { NO_NOTES, type AuditNotes } from '../audit/audit-trail.ts';
import { AnonymousAuthenticator, type KnownTenants } from '../auth/anonymous-authenticator.ts';
import type { AuthResult, Authenticator, Credentials, EnhancedAuthenticator } from '../auth/authenticator.ts';
import { AuthenticatorChain, type ChainAuthenticator } from '../auth/authenticator-chain.ts';
import { CertificateAuthenticator } from '../auth/certificate-authenticator.ts';
import { GuardedAuthenticator, GuardedEnhancedAuthenticator } from '../auth/guarded-authenticator.ts';
import { GuestAuthenticator } from '../auth/guest-authenticator.ts';
import { LoginGuard } from '../auth/login-guard.ts';
import { hashInVain } from '../auth/user-authenticator.ts';
import { StoreUnavailableError } from '../errors/store-unavailable-error.ts';
import type { GaugeSource } from '../metrics/prometheus.ts';
import { parseUserName, type TenantId } from '../tenancy/identity.ts';
import type { TenantDirectory } from '../tenancy/tenant-directory.ts';
import type { Clock } from '../time/clock.ts';
import { chainOf, usedLinks } from './auth-chains.ts';
import type { AuthConfig, ChainLink } from './auth-schema.ts';
import { loginGauges, upgradeGauges } from './authentication-gauges.ts';
import type { SpokeConfig } from './config-schema.ts';
import type { DatabaseUsers, Time } from './database-users.ts';
import { openFileUsers, type FileUsers } from './file-users.ts';
import type { Logger } from './logging.ts';
import type { UserChangeFollower } from './user-change-follower.ts';
import type { WebhookUsers } from './webhook-users.ts';
import { PasswordHashing } from './password-hashing.ts';
import { tenantOrNone } from './tenant-name-schema.ts';
import type { TokenUsers } from './token-users.ts';

export interface Authentication {
  readonly authenticator: Authenticator;
  /** Methods of MQTT 5 enhanced authentication. */
  readonly enhanced: readonly EnhancedAuthenticator[];
  readonly gauges: readonly GaugeSource[];
  /** Whether clients of the tenant are shown to that authenticator by now. */
  isAsked(tenant: TenantId, authenticator: string): boolean;
  followChanges(follower: UserChangeFollower): void;
  /** Reads the users again if their file changed (SIGHUP); they are also looked at every few seconds. */
  reload(): Promise<void>;
  /** Removes the users of a tenant from the database, if there is one; resolves to how many. Those in the users file stay. */
  removeUsers(tenant: TenantId): Promise<number>;
  close(): Promise<void>;
}

type AuthSettings = Pick<SpokeConfig, 'auth' | 'tenants' | 'defaultTenant'>;

/** `directory`: the tenants there are. Rejects when there is nobody who could log in: with `UsersFileError`, for example. */
export async function openAuthentication(
  config: AuthSettings,
  directory: TenantDirectory,
  logger: Logger,
  time: Time,
  notes: AuditNotes = NO_NOTES,
): Promise<Authentication> {
  const known = { has: (tenant: TenantId) => directory.get(tenant) !== undefined };
  if (config.auth.mode === 'anonymous') {
    return {
      authenticator: new AnonymousAuthenticator(known),
      // Where everybody may come in there is nothing to prove.
      enhanced: [],
      gauges: [],
      isAsked: () => true,
      followChanges: () => undefined,
      reload: () => Promise.resolve(),
      removeUsers: () => Promise.resolve(0),
      close: () => Promise.resolve(),
    };
  }
  const hashing = await PasswordHashing.open(config.auth, known);
  try {
    return await openChains(config, directory, hashing, logger, time, notes);
  } catch (error) {
    await hashing.close();
    throw error;
  }
}

async function openChains(
  config: AuthSettings,
  directory: TenantDirectory,
  hashing: PasswordHashing,
  logger: Logger,
  time: Time,
  notes: AuditNotes,
): Promise<Authentication> {
  const { auth } = config;
  const used = usedLinks(config);
  const guard = loginGuard(auth, logger, time, notes);
  const inVain = (credentials: Credentials): Promise<AuthResult> => hashInVain(credentials, hashing);
  const webhook = used.has('http') ? await openWebhook(auth, inVain, time.clock) : undefined;
  let follower: UserChangeFollower | undefined;
  const changes: UserChangeFollower = {
    changed: (users) => {
      webhook?.forget(users);
      follower?.changed(users);
    },
    tenantChanged: (tenant) => follower?.tenantChanged(tenant),
    missed: () => follower?.missed(),
  };
  const file = used.has('file')
    ? await openFileUsers(
        auth,
        tenantsWith('file', config, directory),
        tenantOrNone(config.defaultTenant),
        hashing,
        logger,
        time.timers,
        changes,
      )
    : undefined;
  const database = used.has('mysql') ? await openDatabase(auth, hashing, changes, logger, time) : undefined;
  directory.onChange((name, tenant) => {
    // Another one of that name may come.
    if (tenant === undefined) database?.forget(name);
  });
  const tokens = used.has('jwt') ? await openTokens(auth, logger, time.clock) : undefined;
  const upgrades = [file, database].flatMap((users) => users?.upgrades ?? []);
  const chain = new AuthenticatorChain({
    chainOf: chains(config, directory, file, database, tokens, webhook),
    hashInVain: inVain,
    onUnavailable: (name, err) => {
      logger.error({ err, authenticator: name }, 'a client could not be authenticated');
    },
  });
  return {
    authenticator: new GuardedAuthenticator(chain, guard),
    enhanced: file === undefined ? [] : [new GuardedEnhancedAuthenticator(file.enhanced, guard)],
    gauges: [
      ...loginGauges(guard, hashing.verifier),
      ...upgradeGauges(upgrades),
      ...(database?.gauges ?? []),
      ...(webhook?.gauges ?? []),
    ],
    isAsked: (name, authenticator) => {
      const tenant = directory.get(name);
      return tenant !== undefined && chainOf(config, tenant).includes(authenticator);
    },
    followChanges: (wanted) => {
      follower = wanted;
    },
    reload: async () => {
      await Promise.all([file?.reload(), tokens?.reload()]);
    },
    removeUsers: async (tenant) => (await database?.removeAll(tenant)) ?? 0,
    close: async () => {
      file?.close();
      tokens?.close();
      webhook?.close();
      await database?.close();
      await hashing.close();
    },
  };
}

/** Loaded only where it is used: a broker without it starts without its client. */
async function openDatabase(
  auth: AuthConfig,
  hashing: PasswordHashing,
  changes: UserChangeFollower,
  logger: Logger,
  time: Time,
): Promise<DatabaseUsers> {
  const { openDatabaseUsers } = await import('./database-users.ts');
  return openDatabaseUsers(auth, hashing, changes, logger, time);
}

async function openTokens({ jwt }: AuthConfig, logger: Logger, clock: Clock): Promise<TokenUsers> {
  const { openTokenUsers } = await import('./token-users.ts');
  return openTokenUsers(jwt, logger, clock);
}

async function openWebhook(
  { http }: AuthConfig,
  inVain: (credentials: Credentials) => Promise<AuthResult>,
  clock: Clock,
): Promise<WebhookUsers> {
  const { openWebhookUsers } = await import('./webhook-users.ts');
  return openWebhookUsers(http, inVain, clock);
}

function chains(
  config: AuthSettings,
  directory: TenantDirectory,
  file: FileUsers | undefined,
  database: DatabaseUsers | undefined,
  tokens: TokenUsers | undefined,
  webhook: WebhookUsers | undefined,
): (tenant: TenantId) => readonly ChainAuthenticator[] {
  const { certificateRules, anonymousRules } = config.auth;
  const links: Readonly<Record<ChainLink, ChainAuthenticator | undefined>> = {
    file: file?.authenticator,
    mysql: database?.authenticator,
    jwt: tokens?.authenticator,
    http: webhook?.authenticator,
    certificate: new CertificateAuthenticator(certificateRules),
    anonymous: new GuestAuthenticator(anonymousRules),
  };
  const byName = new Map<string, ChainAuthenticator | undefined>(Object.entries(links));
  return (name) => {
    const tenant = directory.get(name);
    return tenant === undefined
      ? []
      : chainOf(config, tenant).map((link) => byName.get(link) ?? missing(link));
  };
}

/** One that another broker has and this one has not: nobody gets in, or is refused for good, by its absence. */
function missing(name: string): ChainAuthenticator {
  const advice = 'a tenant is to be asked for there, and this broker is not configured with it';
  return { name, ask: () => Promise.reject(new StoreUnavailableError(`the authenticator ${name}`, advice)) };
}

function tenantsWith(link: ChainLink, config: AuthSettings, directory: TenantDirectory): KnownTenants {
  return {
    has: (name) => {
      const tenant = directory.get(name);
      return tenant !== undefined && chainOf(config, tenant).includes(link);
    },
  };
}

function loginGuard({ lockOut }: AuthConfig, logger: Logger, { clock }: Time, notes: AuditNotes): LoginGuard {
  return new LoginGuard({
    clock,
    userFailuresMax: lockOut.userFailures,
    addressFailuresMax: lockOut.addressFailures,
    windowMs: lockOut.windowMs,
    lockMs: lockOut.lockMs,
    trackedMax: lockOut.trackedMax,
    onLocked: (locked) => {
      logger.warn(locked, 'locked out: too many wrong logins');
      const { by, user, address, forMs } = locked;
      const named = parseUserName(user, undefined);
      notes.note({
        kind: 'lockOut',
        by,
        tenant: user === undefined ? undefined : named?.tenant,
        clientName: named?.clientName ?? '',
        address,
        forMs,
      });
    },
  });
}
