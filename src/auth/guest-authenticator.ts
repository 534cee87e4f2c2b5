/**
 * Lets in, at the end of a chain, who shows nothing at all: no user name, no password, no certificate. Guests are one user, the one without a
 * name: sessions of others are not theirs, whatever client identifier they say.
 */
import { admit } from './admission.ts';
import type { AuthResult, Credentials } from './authenticator.ts';
import type { ChainAuthenticator } from './authenticator-chain.ts';
import type { TopicRule } from './topic-rule.ts';

export class GuestAuthenticator implements ChainAuthenticator {
  readonly name = 'anonymous';
  readonly #rules: readonly TopicRule[];

  constructor(rules: readonly TopicRule[]) {
    this.#rules = rules;
  }

  ask(credentials: Credentials): Promise<AuthResult | undefined> {
    const { tenant, clientName, password, certificateName } = credentials;
    if (clientName !== '' || password !== undefined || certificateName !== undefined)
      return Promise.resolve(undefined);
    return Promise.resolve(
      admit({ tenant, clientName, rules: this.#rules, admittedBy: this.name }, credentials),
    );
  }
}
