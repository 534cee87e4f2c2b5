/** Makes the authenticator that the configuration asks for. */
import { randomBytes } from 'node:crypto';
import { CHECK_EVERY_MS } from '../adapters/file/file-version.ts';
import { UsersFileEditor } from '../adapters/file/users-file-editor.ts';
import { WatchedUsers } from '../adapters/file/watched-users.ts';
import { AnonymousAuthenticator } from '../auth/anonymous-authenticator.ts';
import type { Authenticator, EnhancedAuthenticator } from '../auth/authenticator.ts';
import { GuardedAuthenticator, GuardedEnhancedAuthenticator } from '../auth/guarded-authenticator.ts';
import { LoginGuard } from '../auth/login-guard.ts';
import { PasswordUpgrades } from '../auth/password-upgrades.ts';
import { ScramAuthenticator } from '../auth/scram-authenticator.ts';
import { UserListAuthenticator } from '../auth/user-list-authenticator.ts';
import type { GaugeSource } from '../metrics/prometheus.ts';
import type { Clock, Timers } from '../time/clock.ts';
import type { AuthConfig } from './auth-schema.ts';
import { loginGauges, upgradeGauges } from './authentication-gauges.ts';
import type { SpokeConfig } from './config-schema.ts';
import type { Logger } from './logging.ts';
import { PasswordHashing, wantedCost } from './password-hashing.ts';

const SECRET_BYTES = 32;
const NONCE_BYTES = 18;

export interface Authentication {
  readonly authenticator: Authenticator;
  /** Methods of MQTT 5 enhanced authentication. */
  readonly enhanced: readonly EnhancedAuthenticator[];
  readonly gauges: readonly GaugeSource[];
  /** Reads the users again if their file changed (SIGHUP); they are also looked at every few seconds. */
  reload(): Promise<void>;
  close(): Promise<void>;
}

export interface Time {
  readonly clock: Clock;
  readonly timers: Timers;
}

/** Rejects with `UsersFileError` when there is nobody who could log in. */
export async function openAuthentication(
  config: Pick<SpokeConfig, 'auth' | 'tenants'>,
  logger: Logger,
  time: Time,
): Promise<Authentication> {
  const tenants = new Set(config.tenants);
  if (config.auth.mode === 'anonymous') {
    return {
      authenticator: new AnonymousAuthenticator(tenants),
      // Where everybody may come in there is nothing to prove.
      enhanced: [],
      gauges: [],
      reload: () => Promise.resolve(),
      close: () => Promise.resolve(),
    };
  }
  const watched = await watchedUsers(config.auth, logger);
  const users = () => watched.users;
  const hashing = new PasswordHashing();
  const { verifier } = hashing;
  const guard = loginGuard(config.auth, logger, time);
  const upgrades = passwordUpgrades(config.auth, watched, hashing, logger, time);
  const authenticator = new UserListAuthenticator({
    tenants,
    users,
    verifier,
    decoy: await hashing.decoy(wantedCost(config.auth)),
    ...(config.auth.passwords.upgradeOnLogin ? { upgrades } : {}),
  });
  const scram = new ScramAuthenticator({
    tenants,
    users,
    iterations: config.auth.scramIterations,
    decoySecret: randomBytes(SECRET_BYTES),
    newNonce: () => randomBytes(NONCE_BYTES).toString('base64'),
  });
  return {
    authenticator: new GuardedAuthenticator(authenticator, guard),
    enhanced: [new GuardedEnhancedAuthenticator(scram, guard)],
    gauges: [...loginGauges(guard, verifier), ...upgradeGauges(upgrades)],
    reload: () => watched.check(),
    close: () => {
      watched.close();
      upgrades.close();
      return hashing.close();
    },
  };
}

function watchedUsers({ usersFile: file }: AuthConfig, logger: Logger): Promise<WatchedUsers> {
  return WatchedUsers.open({
    file,
    checkEveryMs: CHECK_EVERY_MS,
    onReload: (users) => {
      logger.info({ file, users: users.size }, 'users file read again');
    },
    onProblem: (err) => {
      logger.error({ err, file }, 'users file changed but cannot be used: the users from before stay');
    },
  });
}

function loginGuard({ lockOut }: AuthConfig, logger: Logger, { clock }: Time): LoginGuard {
  return new LoginGuard({
    clock,
    userFailuresMax: lockOut.userFailures,
    addressFailuresMax: lockOut.addressFailures,
    windowMs: lockOut.windowMs,
    lockMs: lockOut.lockMs,
    trackedMax: lockOut.trackedMax,
    onLocked: (locked) => {
      logger.warn(locked, 'locked out: too many wrong logins');
    },
  });
}

function passwordUpgrades(
  config: AuthConfig,
  watched: WatchedUsers,
  hashing: PasswordHashing,
  logger: Logger,
  { timers }: Time,
): PasswordUpgrades {
  const editor = new UsersFileEditor(config.usersFile);
  return new PasswordUpgrades({
    wanted: wantedCost(config),
    verifier: hashing.verifier,
    newSalt: () => hashing.newSalt(),
    store: async (upgrades) => {
      const written = await editor.upgradePasswords(upgrades);
      await watched.check();
      return written;
    },
    onFailure: (err) => {
      logger.warn(
        { err, file: editor.file },
        'weak password hashes could not be replaced: they stay for now',
      );
    },
    timers,
  });
}
