/**
 * Lets in who shows a token (JWT) as password: what the token says of its holder – tenant, name, rights, until when – is believed when
 * its signature holds. A password that does not look like a token is somebody else's.
 */
import { REASON } from '../mqtt/reason-code.ts';
import { parseTenantId } from '../tenancy/identity.ts';
import { admit } from './admission.ts';
import type { AuthResult, Credentials } from './authenticator.ts';
import type { ChainAuthenticator } from './authenticator-chain.ts';
import { parseTopicRule, type TopicRule } from './topic-rule.ts';
import { parseListedUser, userText } from './user-list.ts';

export type Claims = Readonly<Record<string, unknown>>;

export type TokenVerdict =
  | { readonly valid: true; readonly claims: Claims }
  /** `detail` repeats nothing of the token. */
  | { readonly valid: false; readonly detail: string };

/** Checks signature, algorithm, issuer, audience and times. Rejects with `StoreUnavailableError` when there are no keys. */
export type VerifyToken = (token: string) => Promise<TokenVerdict>;

export interface TokenAuthenticatorOptions {
  readonly verify: VerifyToken;
  /** Claims by name: the tenant, missing: the default tenant; the name in it; a list of rules, missing: `rules`. */
  readonly tenantClaim: string;
  readonly nameClaim: string;
  readonly rulesClaim: string;
  readonly rules: readonly TopicRule[];
}

/** Three parts of base64url; it is verified only if it is not longer. */
const TOKEN = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;
const TOKEN_BYTES_MAX = 16_384;
const RULES_MAX = 100;

export class TokenAuthenticator implements ChainAuthenticator {
  readonly name = 'jwt';
  readonly #options: TokenAuthenticatorOptions;

  constructor(options: TokenAuthenticatorOptions) {
    this.#options = options;
  }

  async ask(credentials: Credentials): Promise<AuthResult | undefined> {
    const { password } = credentials;
    if (password === undefined || password.length > TOKEN_BYTES_MAX) return undefined;
    const token = password.toString('latin1');
    if (!TOKEN.test(token)) return undefined;
    const verdict = await this.#options.verify(token);
    return verdict.valid ? this.#admit(verdict.claims, credentials) : refused(verdict.detail);
  }

  #admit(claims: Claims, credentials: Credentials): AuthResult {
    const { tenantClaim, nameClaim } = this.#options;
    const tenantName = claims[tenantClaim];
    const tenant =
      tenantName === undefined
        ? credentials.defaultTenant
        : typeof tenantName === 'string'
          ? parseTenantId(tenantName)
          : undefined;
    const name = claims[nameClaim];
    const user =
      tenant === undefined || typeof name !== 'string'
        ? undefined
        : parseListedUser(`${tenant}/${name}`, undefined);
    if (user === undefined) return refused('its claims name no tenant or no user');
    if (credentials.clientName !== '' && userText(credentials) !== userText(user))
      return refused('the user name in CONNECT is another one');
    const rules = this.#rules(claims);
    if (rules === undefined) return refused('its rules cannot be read');
    const expiresAtMs = typeof claims['exp'] === 'number' ? claims['exp'] * 1_000 : undefined;
    return admit({ ...user, rules, expiresAtMs, admittedBy: this.name }, credentials);
  }

  /** undefined: one of them cannot be read, and may be the one that denies. */
  #rules(claims: Claims): readonly TopicRule[] | undefined {
    const texts = claims[this.#options.rulesClaim];
    if (texts === undefined) return this.#options.rules;
    if (!Array.isArray(texts) || texts.length > RULES_MAX) return undefined;
    const rules: TopicRule[] = [];
    for (const text of texts as readonly unknown[]) {
      const rule = typeof text === 'string' ? parseTopicRule(text) : undefined;
      if (rule === undefined || 'problem' in rule) return undefined;
      rules.push(rule);
    }
    return rules;
  }
}

function refused(detail: string): AuthResult {
  return {
    allowed: false,
    reasonCode: REASON.badUserNameOrPassword,
    detail: `the token is not valid: ${detail}`,
  };
}
