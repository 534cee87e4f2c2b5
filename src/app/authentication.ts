/** Makes the authenticator that the configuration asks for. */
import { randomBytes } from 'node:crypto';
import { CHECK_EVERY_MS } from '../adapters/file/file-version.ts';
import { WatchedUsers } from '../adapters/file/watched-users.ts';
import { AnonymousAuthenticator } from '../auth/anonymous-authenticator.ts';
import type { Authenticator } from '../auth/authenticator.ts';
import { DEFAULT_COST, hashPassword, SALT_BYTES } from '../auth/password-hash.ts';
import { PASSWORD_VERIFIER_DEFAULTS, PasswordVerifier } from '../auth/password-verifier.ts';
import { UserListAuthenticator } from '../auth/user-list-authenticator.ts';
import type { SpokeConfig } from './config-schema.ts';
import type { Logger } from './logging.ts';

const KEY_BYTES = 32;

export interface Authentication {
  readonly authenticator: Authenticator;
  /** Reads the users again if their file changed (SIGHUP); they are also looked at every few seconds. */
  reload(): Promise<void>;
  close(): void;
}

/** Rejects with `UsersFileError` when there is nobody who could log in. */
export async function openAuthentication(
  config: Pick<SpokeConfig, 'auth' | 'tenants'>,
  logger: Logger,
): Promise<Authentication> {
  const tenants = new Set(config.tenants);
  if (config.auth.mode === 'anonymous') {
    return {
      authenticator: new AnonymousAuthenticator(tenants),
      reload: () => Promise.resolve(),
      close: () => undefined,
    };
  }
  const file = config.auth.usersFile;
  const watched = await WatchedUsers.open({
    file,
    checkEveryMs: CHECK_EVERY_MS,
    onReload: (users) => {
      logger.info({ file, users: users.size }, 'users file read again');
    },
    onProblem: (err) => {
      logger.error({ err, file }, 'users file changed but cannot be used: the users from before stay');
    },
  });
  const authenticator = new UserListAuthenticator({
    tenants,
    users: () => watched.users,
    verifier: new PasswordVerifier({ ...PASSWORD_VERIFIER_DEFAULTS, cacheKey: randomBytes(KEY_BYTES) }),
    decoy: await hashPassword(randomBytes(KEY_BYTES), randomBytes(SALT_BYTES), DEFAULT_COST),
  });
  return {
    authenticator,
    reload: () => watched.check(),
    close: () => {
      watched.close();
    },
  };
}
