/**
 * Asks a service of the operator about everybody who names himself: it lets in, with rules, refuses, or says that it does not know him. What
 * it answered is remembered for a while under a digest, which tells nobody a password; many who ask the same at a time are one question.
 */
import { createHmac } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { TenantUser } from '../tenancy/identity.ts';
import type { Clock } from '../time/clock.ts';
import { admit, REFUSED } from './admission.ts';
import type { AuthResult, Credentials } from './authenticator.ts';
import type { ChainAuthenticator } from './authenticator-chain.ts';
import type { TopicRule } from './topic-rule.ts';
import { parseListedUser, userText } from './user-list.ts';

export type WebhookAnswer =
  /** `rules` undefined: those that the configuration has for such users. */
  | { readonly result: 'allow'; readonly rules: readonly TopicRule[] | undefined }
  | { readonly result: 'deny' }
  | { readonly result: 'ignore' };

/** Rejects with `StoreUnavailableError` when there is no answer, or none that can be understood. */
export type AskWebhook = (credentials: Credentials) => Promise<WebhookAnswer>;

export interface WebhookAuthenticatorOptions {
  readonly ask: AskWebhook;
  /** As whom nobody knows, after as much work: else the time would tell who is known to the service. */
  readonly hashInVain: (credentials: Credentials) => Promise<AuthResult>;
  /** Of users whose answer has none. */
  readonly rules: readonly TopicRule[];
  readonly clock: Clock;
  /** Random bytes of this process: see `PasswordVerifierOptions`. */
  readonly cacheKey: Buffer;
  /** Milliseconds that it is remembered who was let in; 0: not at all. */
  readonly ttlMs: number;
  /** The same of who was not. */
  readonly negativeTtlMs: number;
  readonly rememberedMax: number;
}

interface Remembered {
  readonly answer: WebhookAnswer;
  /** When it was asked for. */
  readonly atMs: number;
}

interface Asking {
  readonly answer: Promise<WebhookAnswer>;
  readonly atMs: number;
}

/** Users that were changed lately: the last so many. */
const CHANGED_MAX = 10_000;

export class WebhookAuthenticator implements ChainAuthenticator {
  readonly name = 'http';
  /** Logins answered from memory, those that waited for an answer to another one included. */
  hits = 0;
  readonly #options: WebhookAuthenticatorOptions;
  readonly #remembered: LRUCache<string, Remembered>;
  readonly #changedAtMs = new LRUCache<string, number>({ max: CHANGED_MAX });
  readonly #underWay = new Map<string, Asking>();

  constructor(options: WebhookAuthenticatorOptions) {
    this.#options = options;
    this.#remembered = new LRUCache({ max: options.rememberedMax });
  }

  get remembered(): number {
    return this.#remembered.size;
  }

  async ask(credentials: Credentials): Promise<AuthResult | undefined> {
    const { certificateName, defaultTenant, password } = credentials;
    const user = parseListedUser(userText(credentials), undefined);
    if (user === undefined) return undefined;
    if (password === undefined && certificateName !== undefined) {
      // A certificate proves one name: the service need not think of that.
      const named = parseListedUser(certificateName, defaultTenant);
      if (named === undefined || userText(named) !== userText(user)) return REFUSED;
    }
    const answer = await this.#answer(credentials);
    switch (answer.result) {
      case 'allow':
        return admit(
          { ...user, rules: answer.rules ?? this.#options.rules, admittedBy: this.name },
          credentials,
        );
      case 'deny':
        return this.#options.hashInVain(credentials);
      case 'ignore':
        return undefined;
    }
  }

  /** They were changed: what was asked about them until now counts for no login any more. */
  forget(users: readonly TenantUser[]): void {
    const nowMs = this.#options.clock.nowMs();
    for (const user of users) this.#changedAtMs.set(userText(user), nowMs);
  }

  #answer(credentials: Credentials): Promise<WebhookAnswer> {
    const key = this.#digest(credentials);
    const nowMs = this.#options.clock.nowMs();
    const changedAtMs = this.#changedAtMs.get(userText(credentials)) ?? -Infinity;
    const remembered = this.#remembered.get(key);
    if (remembered !== undefined && remembered.atMs > changedAtMs && this.#isFresh(remembered, nowMs)) {
      this.hits++;
      return Promise.resolve(remembered.answer);
    }
    const underWay = this.#underWay.get(key);
    if (underWay !== undefined && underWay.atMs > changedAtMs) {
      this.hits++;
      return underWay.answer;
    }
    const asking: Asking = { answer: this.#options.ask(credentials), atMs: nowMs };
    this.#underWay.set(key, asking);
    this.#follow(key, asking);
    return asking.answer;
  }

  #follow(key: string, asking: Asking): void {
    const settle = (answer?: WebhookAnswer): void => {
      // Another one is there when the user was changed meanwhile.
      if (this.#underWay.get(key) !== asking) return;
      this.#underWay.delete(key);
      if (answer !== undefined && this.#ttlMs(answer) > 0)
        this.#remembered.set(key, { answer, atMs: asking.atMs });
    };
    asking.answer.then(settle, () => {
      settle();
    });
  }

  #isFresh({ answer, atMs }: Remembered, nowMs: number): boolean {
    return nowMs - atMs < this.#ttlMs(answer);
  }

  #ttlMs({ result }: WebhookAnswer): number {
    const { ttlMs, negativeTtlMs } = this.#options;
    return result === 'allow' ? ttlMs : negativeTtlMs;
  }

  /** Of everything that is asked, as the answer may depend on any of it. */
  #digest(credentials: Credentials): string {
    const { tenant, clientName, clientId, password, certificateName, address, level } = credentials;
    const facts = [tenant, clientName, clientId, certificateName, address, level, password === undefined];
    return createHmac('sha256', this.#options.cacheKey)
      .update(JSON.stringify(facts))
      .update(password ?? '')
      .digest('base64');
  }
}
