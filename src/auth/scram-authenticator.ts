/**
 * SCRAM-SHA-256 as a method of MQTT 5 enhanced authentication, for users on the user list: no password crosses the wire. Who is
 * not on it, or has no SCRAM credentials, is asked and refused like one who types a wrong password.
 */
import { isUtf8 } from 'node:buffer';
import { REASON } from '../mqtt/reason-code.ts';
import type { TenantUser } from '../tenancy/identity.ts';
import type {
  AuthResult,
  Credentials,
  EnhancedAuthExchange,
  EnhancedAuthStep,
  EnhancedAuthenticator,
  Principal,
} from './authenticator.ts';
import { admit } from './admission.ts';
import type { KnownTenants } from './anonymous-authenticator.ts';
import { decoyScramCredentials, formatScramCredentials, type ScramCredentials } from './scram-credentials.ts';
import { SCRAM_SHA_256, ScramExchange } from './scram-sha-256.ts';
import { parseListedUser, userText, type User, type UserList } from './user-list.ts';

export interface ScramAuthenticatorOptions {
  readonly tenants: KnownTenants;
  /** The list as it is now. */
  readonly users: () => UserList;
  /** Of made-up credentials; as most users have, or the number tells who is known. */
  readonly iterations: number;
  /** What made-up salts come from where the list has no secret of its own. */
  readonly decoySecret: Buffer;
  /** Random printable ASCII without a comma. */
  readonly newNonce: () => string;
}

/** As a chain calls what has the user list. */
const USERS_FILE = 'file';
/** A user name and two nonces; what is longer is no message of a client that means it. */
const MESSAGE_BYTES_MAX = 2_048;

export class ScramAuthenticator implements EnhancedAuthenticator {
  readonly method = SCRAM_SHA_256;
  readonly #options: ScramAuthenticatorOptions;

  constructor(options: ScramAuthenticatorOptions) {
    this.#options = options;
  }

  begin(credentials: Credentials): EnhancedAuthExchange {
    return new ListedUserExchange(this.#options, credentials);
  }
}

class ListedUserExchange implements EnhancedAuthExchange {
  readonly #options: ScramAuthenticatorOptions;
  readonly #credentials: Credentials;
  readonly #scram: ScramExchange;
  user: TenantUser | undefined;
  #user: User | undefined;
  #asked = false;

  constructor(options: ScramAuthenticatorOptions, credentials: Credentials) {
    this.#options = options;
    this.#credentials = credentials;
    this.#scram = new ScramExchange({
      credentialsOf: (userName) => this.#credentialsOf(userName),
      nonce: options.newNonce(),
    });
  }

  step(data: Buffer | undefined): Promise<EnhancedAuthStep> {
    return Promise.resolve(this.#step(data));
  }

  #step(data: Buffer | undefined): EnhancedAuthStep {
    const isFirst = !this.#asked;
    this.#asked = true;
    // A client may name the method first and wait to be asked (RFC 4422, section 5.1).
    if (data === undefined && isFirst) return { outcome: 'continue', data: undefined };
    if (data === undefined || data.length > MESSAGE_BYTES_MAX || !isUtf8(data))
      return { outcome: 'refused', reasonCode: REASON.protocolError, detail: `${SCRAM_SHA_256}: no message` };
    const step = this.#scram.step(data.toString());
    switch (step.outcome) {
      case 'continue':
        return { outcome: 'continue', data: Buffer.from(step.message) };
      case 'refused':
        return step.fault === 'malformed'
          ? {
              outcome: 'refused',
              reasonCode: REASON.protocolError,
              detail: `${SCRAM_SHA_256}: ${step.detail}`,
            }
          : refused(step.detail);
      case 'proven':
        return this.#admit(Buffer.from(step.message));
    }
  }

  /** The user named in CONNECT, if one is, has to be the same: but that is told to nobody who has not proven to be him. */
  #admit(data: Buffer): EnhancedAuthStep {
    const user = this.#user;
    const { clientName } = this.#credentials;
    if (user === undefined || (clientName !== '' && userText(this.#credentials) !== userText(user)))
      return refused('the user name in CONNECT is another one');
    const result = this.#admitted(user, this.#credentials);
    return result.allowed
      ? { outcome: 'allowed', principal: result.principal, data }
      : { outcome: 'refused', reasonCode: result.reasonCode, detail: result.detail };
  }

  #admitted(user: User, { clientId }: Pick<Credentials, 'clientId'>): AuthResult {
    const { users } = this.#options;
    const { tenant, clientName, scram } = user;
    const lookAgain = (): Promise<Principal | undefined> => {
      const now = users().find({ tenant, clientName });
      const isProven = now?.scram !== undefined && isSame(now.scram, scram);
      const result = isProven ? this.#admitted(now, { clientId }) : undefined;
      return Promise.resolve(result?.allowed === true ? result.principal : undefined);
    };
    return admit({ ...user, lookAgain, admittedBy: USERS_FILE }, { clientId });
  }

  #credentialsOf(userName: string): ScramCredentials {
    const { tenants, users, iterations, decoySecret } = this.#options;
    const named = parseListedUser(userName, this.#credentials.defaultTenant);
    const list = users();
    this.user = named;
    this.#user = named !== undefined && tenants.has(named.tenant) ? list.find(named) : undefined;
    const name = named === undefined ? userName : userText(named);
    return this.#user?.scram ?? decoyScramCredentials(list.scramSecret ?? decoySecret, name, iterations);
  }
}

function isSame(one: ScramCredentials, other: ScramCredentials | undefined): boolean {
  return other !== undefined && formatScramCredentials(one) === formatScramCredentials(other);
}

function refused(detail: string): EnhancedAuthStep {
  return { outcome: 'refused', reasonCode: REASON.badUserNameOrPassword, detail };
}
