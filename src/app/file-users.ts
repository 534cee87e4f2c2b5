/** Users of the users file, as authenticators: by password and certificate, by SCRAM. */
import { randomBytes } from 'node:crypto';
import { CHECK_EVERY_MS } from '../adapters/file/file-version.ts';
import { UsersFileEditor } from '../adapters/file/users-file-editor.ts';
import { WatchedUsers } from '../adapters/file/watched-users.ts';
import type { KnownTenants } from '../auth/anonymous-authenticator.ts';
import type { EnhancedAuthenticator } from '../auth/authenticator.ts';
import { changedUsers } from '../auth/changed-users.ts';
import type { ChainAuthenticator } from '../auth/authenticator-chain.ts';
import type { PasswordUpgrade, PasswordUpgrades } from '../auth/password-upgrades.ts';
import { ScramAuthenticator } from '../auth/scram-authenticator.ts';
import { UserAuthenticator } from '../auth/user-authenticator.ts';
import type { TenantId } from '../tenancy/identity.ts';
import type { Timers } from '../time/clock.ts';
import type { AuthConfig } from './auth-schema.ts';
import type { Logger } from './logging.ts';
import type { PasswordHashing } from './password-hashing.ts';
import type { UserChangeFollower } from './user-change-follower.ts';
import { weakHashes } from './weak-hashes.ts';

const SECRET_BYTES = 32;
const NONCE_BYTES = 18;

export interface FileUsers {
  readonly authenticator: ChainAuthenticator;
  readonly enhanced: EnhancedAuthenticator;
  readonly upgrades: PasswordUpgrades;
  reload(): Promise<void>;
  close(): void;
}

/** `tenants`: those that ask the file. `defaultTenant`: of names in it that say none. `changes`: of users that are others when it was read again. Rejects with `UsersFileError` when it cannot be used. */
export async function openFileUsers(
  auth: AuthConfig,
  tenants: KnownTenants,
  defaultTenant: TenantId | undefined,
  hashing: PasswordHashing,
  logger: Logger,
  timers: Timers,
  changes: UserChangeFollower,
): Promise<FileUsers> {
  const watched = await watchedUsers(auth, defaultTenant, logger, changes);
  const editor = new UsersFileEditor(auth.usersFile, defaultTenant);
  const store = async (all: readonly PasswordUpgrade[]): Promise<number> => {
    const written = await editor.upgradePasswords(all);
    await watched.check();
    return written;
  };
  const upgrades = weakHashes(auth.usersFile, store, hashing, logger, timers);
  const authenticator = new UserAuthenticator({
    name: 'file',
    find: (user) => watched.users.find(user),
    verifier: hashing.verifier,
    decoy: hashing.decoy,
    ...(auth.passwords.upgradeOnLogin ? { upgrades } : {}),
  });
  const enhanced = new ScramAuthenticator({
    tenants,
    users: () => watched.users,
    iterations: auth.scramIterations,
    decoySecret: randomBytes(SECRET_BYTES),
    newNonce: () => randomBytes(NONCE_BYTES).toString('base64'),
  });
  return {
    authenticator,
    enhanced,
    upgrades,
    reload: () => watched.check(),
    close: () => {
      watched.close();
      upgrades.close();
    },
  };
}

function watchedUsers(
  { usersFile: file }: AuthConfig,
  defaultTenant: TenantId | undefined,
  logger: Logger,
  changes: UserChangeFollower,
): Promise<WatchedUsers> {
  return WatchedUsers.open({
    file,
    defaultTenant,
    checkEveryMs: CHECK_EVERY_MS,
    onReload: (users, before) => {
      const changed = changedUsers(before, users);
      logger.info({ file, users: users.size, changed: changed.length }, 'users file read again');
      changes.changed(changed);
    },
    onProblem: (err) => {
      logger.error({ err, file }, 'users file changed but cannot be used: the users from before stay');
    },
  });
}
