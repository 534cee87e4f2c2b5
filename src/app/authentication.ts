/** Makes the authenticator that the configuration asks for. */
import { randomBytes } from 'node:crypto';
import { CHECK_EVERY_MS } from '../adapters/file/file-version.ts';
import { WatchedUsers } from '../adapters/file/watched-users.ts';
import { AnonymousAuthenticator } from '../auth/anonymous-authenticator.ts';
import type { Authenticator, EnhancedAuthenticator } from '../auth/authenticator.ts';
import { DEFAULT_COST, hashPassword, SALT_BYTES } from '../auth/password-hash.ts';
import { PASSWORD_VERIFIER_DEFAULTS, PasswordVerifier } from '../auth/password-verifier.ts';
import { ScramAuthenticator } from '../auth/scram-authenticator.ts';
import { UserListAuthenticator } from '../auth/user-list-authenticator.ts';
import type { SpokeConfig } from './config-schema.ts';
import type { Logger } from './logging.ts';

const KEY_BYTES = 32;
const NONCE_BYTES = 18;

export interface Authentication {
  readonly authenticator: Authenticator;
  /** Methods of MQTT 5 enhanced authentication. */
  readonly enhanced: readonly EnhancedAuthenticator[];
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
      // Where everybody may come in there is nothing to prove.
      enhanced: [],
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
  const scram = new ScramAuthenticator({
    tenants,
    users: () => watched.users,
    iterations: config.auth.scramIterations,
    decoySecret: randomBytes(KEY_BYTES),
    newNonce: () => randomBytes(NONCE_BYTES).toString('base64'),
  });
  return {
    authenticator,
    enhanced: [scram],
    reload: () => watched.check(),
    close: () => {
      watched.close();
    },
  };
}
