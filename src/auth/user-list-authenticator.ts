/**
 * Lets in who is on the user list, by password or by client certificate. A wrong password, an unknown user and a
 * user without a password get one answer and take one time.
 */
import { REASON } from '../mqtt/reason-code.ts';
import type { TenantId, TenantUser } from '../tenancy/identity.ts';
import type { AuthResult, Authenticator, Credentials } from './authenticator.ts';
import type { PasswordHash } from './password-hash.ts';
import type { PasswordUpgrades } from './password-upgrades.ts';
import type { PasswordVerifier } from './password-verifier.ts';
import { RuledPrincipal } from './topic-rights.ts';
import { isSafeInFilter } from './place-holders.ts';
import { bindRule, usesClientId } from './topic-rule.ts';
import { parseListedUser, userText } from './user-list.ts';
import type { User, UserList } from './user-list.ts';

export interface UserListAuthenticatorOptions {
  readonly tenants: ReadonlySet<TenantId>;
  /** The list as it is now. */
  readonly users: () => UserList;
  readonly verifier: PasswordVerifier;
  /** A hash no password has: what unknown users are verified against. */
  readonly decoy: PasswordHash;
  /** Default: hashes stay as they are. */
  readonly upgrades?: Pick<PasswordUpgrades, 'consider'>;
}

const REFUSED: AuthResult = {
  allowed: false,
  reasonCode: REASON.badUserNameOrPassword,
  detail: 'unknown user or wrong password',
};

export class UserListAuthenticator implements Authenticator {
  readonly #options: UserListAuthenticatorOptions;

  constructor(options: UserListAuthenticatorOptions) {
    this.#options = options;
  }

  authenticate(credentials: Credentials): Promise<AuthResult> {
    const { certificateName, password } = credentials;
    return password === undefined && certificateName !== undefined
      ? Promise.resolve(this.#byCertificate(credentials, certificateName))
      : this.#byPassword(credentials, password ?? Buffer.alloc(0));
  }

  async #byPassword(credentials: Credentials, password: Buffer): Promise<AuthResult> {
    const user = this.#find(credentials);
    const expected = user?.passwordHash;
    const verdict = await this.#options.verifier.verify(
      userText(credentials),
      password,
      expected ?? this.#options.decoy,
    );
    if (verdict === 'busy')
      return {
        allowed: false,
        reasonCode: REASON.serverBusy,
        detail: 'too many logins at a time: try again later',
      };
    if (user === undefined || expected === undefined || verdict === 'wrong') return REFUSED;
    this.#options.upgrades?.consider(user, password, expected);
    return admit(user, credentials);
  }

  /** A user name beside the certificate has to be the same user; without one the certificate names it. */
  #byCertificate(credentials: Credentials, certificateName: string): AuthResult {
    const named = parseListedUser(certificateName);
    if (named === undefined) return REFUSED;
    if (credentials.clientName !== '' && userText(credentials) !== userText(named)) return REFUSED;
    const user = this.#find(named);
    return user?.certificate === true ? admit(user, credentials) : REFUSED;
  }

  #find(user: TenantUser): User | undefined {
    return this.#options.tenants.has(user.tenant) ? this.#options.users().find(user) : undefined;
  }
}

/** The rights of a user who has proven to be that user. */
export function admit(user: User, { clientId }: Pick<Credentials, 'clientId'>): AuthResult {
  if (!isSafeInFilter(clientId) && user.rules.some(usesClientId)) {
    return {
      allowed: false,
      reasonCode: REASON.clientIdentifierNotValid,
      detail: 'rules of this user contain %c, so its client identifier may not contain + # / or begin with $',
    };
  }
  const { tenant, clientName } = user;
  const rules = user.rules.map((rule) => bindRule(rule, { clientId, clientName, tenant }));
  return { allowed: true, principal: new RuledPrincipal(tenant, clientName, rules) };
}
