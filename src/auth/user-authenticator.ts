/**
 * Lets in users of one source – a file, a database – by password or by client certificate. A wrong password and a user without a
 * password get one answer and take one time; who is not of the source is somebody else's.
 */
import { REASON } from '../mqtt/reason-code.ts';
import type { TenantUser } from '../tenancy/identity.ts';
import { admit, REFUSED } from './admission.ts';
import type { AuthResult, Credentials, Principal } from './authenticator.ts';
import type { ChainAuthenticator } from './authenticator-chain.ts';
import { formatPasswordHash, type PasswordHash } from './password-hash.ts';
import type { PasswordUpgrades } from './password-upgrades.ts';
import type { PasswordVerifier } from './password-verifier.ts';
import { parseListedUser, userText } from './user-list.ts';
import type { User } from './user-list.ts';

export interface UserAuthenticatorOptions {
  readonly name: string;
  /** Rejects with `StoreUnavailableError` when the source does not answer. */
  readonly find: (user: TenantUser) => User | undefined | Promise<User | undefined>;
  readonly verifier: PasswordVerifier;
  /** A hash no password has: what users without a password are verified against. */
  readonly decoy: PasswordHash;
  /** Default: hashes stay as they are. */
  readonly upgrades?: Pick<PasswordUpgrades, 'consider' | 'isUpgrade'>;
}

/** What a user has shown: the password with this hash, or a certificate. */
type Proof = PasswordHash | 'certificate';

const BUSY: AuthResult = {
  allowed: false,
  reasonCode: REASON.serverBusy,
  detail: 'too many logins at a time: try again later',
};

export class UserAuthenticator implements ChainAuthenticator {
  readonly name: string;
  readonly #options: UserAuthenticatorOptions;

  constructor(options: UserAuthenticatorOptions) {
    this.name = options.name;
    this.#options = options;
  }

  ask(credentials: Credentials): Promise<AuthResult | undefined> {
    const { certificateName, password } = credentials;
    return password === undefined && certificateName !== undefined
      ? this.#byCertificate(credentials, certificateName)
      : this.#byPassword(credentials, password ?? Buffer.alloc(0));
  }

  async #byPassword(credentials: Credentials, password: Buffer): Promise<AuthResult | undefined> {
    const { find, verifier, decoy, upgrades } = this.#options;
    // Nobody has no name, or one that means more than itself in a rule with %u, whatever a source says of it.
    if (parseListedUser(userText(credentials), undefined) === undefined) return undefined;
    const user = await find(credentials);
    if (user === undefined) return undefined;
    const expected = user.passwordHash;
    const verdict = await verifier.verify(
      userText(credentials),
      password,
      expected ?? decoy,
      credentials.isUnwanted,
    );
    if (verdict === 'busy') return BUSY;
    if (expected === undefined || verdict === 'wrong') return REFUSED;
    upgrades?.consider(user, password, expected);
    return this.#admit(user, credentials, expected);
  }

  /** A user name beside the certificate has to be the same user; without one the certificate names it. */
  async #byCertificate(credentials: Credentials, certificateName: string): Promise<AuthResult | undefined> {
    const named = parseListedUser(certificateName, credentials.defaultTenant);
    if (named === undefined) return undefined;
    if (credentials.clientName !== '' && userText(credentials) !== userText(named)) return REFUSED;
    const user = await this.#options.find(named);
    if (user === undefined) return undefined;
    return user.certificate ? this.#admit(user, credentials, 'certificate') : REFUSED;
  }

  #admit(user: User, { clientId }: Pick<Credentials, 'clientId'>, proof: Proof): AuthResult {
    const { tenant, clientName } = user;
    const lookAgain = async (): Promise<Principal | undefined> => {
      const now = await this.#options.find({ tenant, clientName });
      if (now === undefined) return undefined;
      const proofNow = this.#proofBy(now, proof);
      if (proofNow === undefined) return undefined;
      const result = this.#admit(now, { clientId }, proofNow);
      return result.allowed ? result.principal : undefined;
    };
    return admit({ ...user, lookAgain, admittedBy: this.name }, { clientId });
  }

  /** What the user would show by now; undefined: what it has shown would let it in no more. */
  #proofBy(now: User, proof: Proof): Proof | undefined {
    if (proof === 'certificate') return now.certificate ? proof : undefined;
    const hash = now.passwordHash;
    if (hash === undefined || formatPasswordHash(hash) === formatPasswordHash(proof)) return hash;
    return this.#options.upgrades?.isUpgrade(now, proof, hash) === true ? hash : undefined;
  }
}

/** For who has no hash to be verified against: refuses, and takes the time that a wrong password takes. */
export async function hashInVain(
  credentials: Credentials,
  { verifier, decoy }: Pick<UserAuthenticatorOptions, 'verifier' | 'decoy'>,
): Promise<AuthResult> {
  const { certificateName, password, isUnwanted } = credentials;
  if (password === undefined && certificateName !== undefined) return REFUSED;
  const shown = password ?? Buffer.alloc(0);
  const verdict = await verifier.verify(userText(credentials), shown, decoy, isUnwanted);
  return verdict === 'busy' ? BUSY : REFUSED;
}
