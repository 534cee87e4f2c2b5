/**
 * Every tenant's authenticators in order: each lets a client in, refuses it, or says that it is none of its business; then the next is
 * asked. Whom nobody knows is refused like one with a wrong password. One that cannot be asked now ends the chain: nobody gets
 * in by the absence of who would have refused him.
 */
import { StoreUnavailableError } from '../errors/store-unavailable-error.ts';
import { REASON } from '../mqtt/reason-code.ts';
import type { TenantId } from '../tenancy/identity.ts';
import { REFUSED } from './admission.ts';
import type { AuthResult, Authenticator, Credentials } from './authenticator.ts';

export interface ChainAuthenticator {
  /** As the configuration calls it. */
  readonly name: string;
  /** undefined: not mine. Rejects with `StoreUnavailableError` when it cannot be known now. */
  ask(credentials: Credentials): Promise<AuthResult | undefined>;
}

export interface AuthenticatorChainOptions {
  /** Empty for a tenant that there is not. */
  readonly chainOf: (tenant: TenantId) => readonly ChainAuthenticator[];
  /** Takes as long as looking at a password does, for who has no hash of his own to look at. */
  readonly hashInVain: (credentials: Credentials) => Promise<AuthResult>;
  /** An authenticator could not be asked. */
  readonly onUnavailable: (name: string, error: StoreUnavailableError) => void;
}

const UNAVAILABLE: AuthResult = {
  allowed: false,
  reasonCode: REASON.serverUnavailable,
  detail: 'who you are cannot be found out now: try again later',
};

export class AuthenticatorChain implements Authenticator {
  readonly #options: AuthenticatorChainOptions;

  constructor(options: AuthenticatorChainOptions) {
    this.#options = options;
  }

  async authenticate(credentials: Credentials): Promise<AuthResult> {
    for (const authenticator of this.#options.chainOf(credentials.tenant)) {
      const result = await this.#ask(authenticator, credentials);
      if (result === undefined) continue;
      return result.allowed && !this.#mayAdmitTo(result.principal.tenant, authenticator) ? REFUSED : result;
    }
    return this.#options.hashInVain(credentials);
  }

  async #ask(authenticator: ChainAuthenticator, credentials: Credentials): Promise<AuthResult | undefined> {
    try {
      return await authenticator.ask(credentials);
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      this.#options.onUnavailable(authenticator.name, error);
      return UNAVAILABLE;
    }
  }

  /** A certificate or a token may name another tenant than the user name does, which may have chosen another chain. */
  #mayAdmitTo(tenant: TenantId, authenticator: ChainAuthenticator): boolean {
    return this.#options.chainOf(tenant).includes(authenticator);
  }
}
