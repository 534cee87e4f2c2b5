/**
 * Verifies passwords without letting a login storm take the machine: so many hashes at a time, so many waiting, tenants in turns,
 * and what was verified lately is remembered, so that a fleet that reconnects does not hash again.
 */
import { createHmac } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { TenantId } from '../tenancy/identity.ts';
import type { KnownTenants } from './anonymous-authenticator.ts';
import type { DeriveArgon2id } from './argon2id-hash.ts';
import { FairTurns } from './fair-turns.ts';
import { formatPasswordHash, hashPassword, verifyPassword } from './password-hash.ts';
import type { PasswordCost, PasswordHash } from './password-hash.ts';

export interface PasswordVerifierOptions {
  /** Random bytes of this process: what is remembered tells nothing about passwords to anybody else. */
  readonly cacheKey: Buffer;
  /** Default: users with such hashes cannot log in. */
  readonly argon2id?: DeriveArgon2id;
  /** Those that there are now take turns; what says another name shares one turn. Default: every name is one. */
  readonly tenants?: KnownTenants;
  /** The thread pool also syncs the store; this many of its threads may hash. */
  readonly hashesAtATime: number;
  readonly waitingMax: number;
  /** Milliseconds that a right password is remembered. */
  readonly rememberRightMs: number;
  /** Milliseconds that a wrong password is remembered: a device with an old one keeps trying. */
  readonly rememberWrongMs: number;
  readonly rememberedMax: number;
}

export const PASSWORD_VERIFIER_DEFAULTS = {
  hashesAtATime: 2,
  waitingMax: 4_096,
  rememberRightMs: 10 * 60_000,
  rememberWrongMs: 10_000,
  rememberedMax: 100_000,
} as const satisfies Omit<PasswordVerifierOptions, 'cacheKey'>;

/** Who waits beside tenants; no tenant has such a name. */
const NOBODYS = '';
const UPGRADES = '(upgrades)';

export type Verdict = 'right' | 'wrong' | 'busy';

export class PasswordVerifier {
  readonly #options: PasswordVerifierOptions;
  // Two caches, so that guessing cannot push out what is right.
  readonly #right: LRUCache<string, true>;
  readonly #wrong: LRUCache<string, true>;
  readonly #turns: FairTurns;

  constructor(options: PasswordVerifierOptions) {
    this.#options = options;
    this.#right = new LRUCache({ max: options.rememberedMax, ttl: options.rememberRightMs });
    this.#wrong = new LRUCache({ max: options.rememberedMax, ttl: options.rememberWrongMs });
    this.#turns = new FairTurns(options.hashesAtATime, options.waitingMax);
  }

  /** Logins that wait for a hash. */
  get waiting(): number {
    return this.#turns.waiting;
  }

  /**
   * `busy`: too many are waiting, or `isUnwanted` said so when its turn came; nothing is known about the password. Without that, guesses that
   * came together would all be hashed, and everybody else would wait for them.
   */
  async verify(
    user: string,
    password: Buffer,
    expected: PasswordHash,
    isUnwanted: () => boolean = () => false,
  ): Promise<Verdict> {
    const digest = this.#digest(user, password, expected);
    if (this.#right.has(digest)) return 'right';
    if (this.#wrong.has(digest)) return 'wrong';
    if (!(await this.#turns.enter(this.#laneOf(user)))) return 'busy';
    try {
      if (isUnwanted()) return 'busy';
      const { argon2id, cacheKey } = this.#options;
      // Nobody has the empty password, and Argon2id takes none; it costs what others cost.
      const tried = password.length === 0 ? cacheKey : password;
      const right = await verifyPassword(tried, expected, argon2id);
      (right ? this.#right : this.#wrong).set(digest, true);
      return right ? 'right' : 'wrong';
    } finally {
      this.#turns.leave();
    }
  }

  /** In turn with those who log in. undefined: too many are waiting. */
  async hash(password: Buffer, salt: Buffer, cost: PasswordCost): Promise<PasswordHash | undefined> {
    if (!(await this.#turns.enter(UPGRADES))) return undefined;
    try {
      return await hashPassword(password, salt, cost, this.#options.argon2id);
    } finally {
      this.#turns.leave();
    }
  }

  /** A changed hash in the users file is another digest, so a reload needs no invalidation. */
  #digest(user: string, password: Buffer, expected: PasswordHash): string {
    const hmac = createHmac('sha256', this.#options.cacheKey);
    return hmac
      .update(JSON.stringify([user, formatPasswordHash(expected)]))
      .update(password)
      .digest('base64');
  }

  #laneOf(user: string): string {
    const tenant = user.slice(0, user.indexOf('/'));
    return this.#options.tenants?.has(tenant as TenantId) === false ? NOBODYS : tenant;
  }
}
