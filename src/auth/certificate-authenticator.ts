/** Lets in whomever a verified client certificate names, listed anywhere or not: all with the same rules. */
import { admit, REFUSED } from './admission.ts';
import type { AuthResult, Credentials } from './authenticator.ts';
import type { ChainAuthenticator } from './authenticator-chain.ts';
import type { TopicRule } from './topic-rule.ts';
import { parseListedUser, userText } from './user-list.ts';

export class CertificateAuthenticator implements ChainAuthenticator {
  readonly name = 'certificate';
  readonly #rules: readonly TopicRule[];

  constructor(rules: readonly TopicRule[]) {
    this.#rules = rules;
  }

  /** With a password beside it somebody else has to say whether that is right. */
  ask(credentials: Credentials): Promise<AuthResult | undefined> {
    const { certificateName, password, clientName, defaultTenant } = credentials;
    if (certificateName === undefined || password !== undefined) return Promise.resolve(undefined);
    const named = parseListedUser(certificateName, defaultTenant);
    if (named === undefined || named.clientName === '') return Promise.resolve(undefined);
    if (clientName !== '' && userText(credentials) !== userText(named)) return Promise.resolve(REFUSED);
    return Promise.resolve(admit({ ...named, rules: this.#rules, admittedBy: this.name }, credentials));
  }
}
