/**
 * Verifies passwords without letting a login storm take the machine: so many hashes at a time, so many waiting,
 * and what was verified lately is remembered, so that a fleet that reconnects does not hash again.
 */
import { createHmac } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { DeriveArgon2id } from './argon2id-hash.ts';
import { formatPasswordHash, hashPassword, verifyPassword } from './password-hash.ts';
import type { PasswordCost, PasswordHash } from './password-hash.ts';

export interface PasswordVerifierOptions {
  /** Random bytes of this process: what is remembered tells nothing about passwords to anybody else. */
  readonly cacheKey: Buffer;
  /** Default: users with such hashes cannot log in. */
  readonly argon2id?: DeriveArgon2id;
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

export type Verdict = 'right' | 'wrong' | 'busy';

export class PasswordVerifier {
  readonly #options: PasswordVerifierOptions;
  // Two caches, so that guessing cannot push out what is right.
  readonly #right: LRUCache<string, true>;
  readonly #wrong: LRUCache<string, true>;
  readonly #waiting: (() => void)[] = [];
  #hashing = 0;

  constructor(options: PasswordVerifierOptions) {
    this.#options = options;
    this.#right = new LRUCache({ max: options.rememberedMax, ttl: options.rememberRightMs });
    this.#wrong = new LRUCache({ max: options.rememberedMax, ttl: options.rememberWrongMs });
  }

  /** Logins that wait for a hash. */
  get waiting(): number {
    return this.#waiting.length;
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
    if (!(await this.#enter())) return 'busy';
    try {
      if (isUnwanted()) return 'busy';
      const { argon2id, cacheKey } = this.#options;
      // Nobody has the empty password, and Argon2id takes none; it costs what others cost.
      const tried = password.length === 0 ? cacheKey : password;
      const right = await verifyPassword(tried, expected, argon2id);
      (right ? this.#right : this.#wrong).set(digest, true);
      return right ? 'right' : 'wrong';
    } finally {
      this.#leave();
    }
  }

  /** In turn with those who log in. undefined: too many are waiting. */
  async hash(password: Buffer, salt: Buffer, cost: PasswordCost): Promise<PasswordHash | undefined> {
    if (!(await this.#enter())) return undefined;
    try {
      return await hashPassword(password, salt, cost, this.#options.argon2id);
    } finally {
      this.#leave();
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

  async #enter(): Promise<boolean> {
    if (this.#hashing < this.#options.hashesAtATime) {
      this.#hashing++;
      return true;
    }
    if (this.#waiting.length >= this.#options.waitingMax) return false;
    await new Promise<void>((admitted) => this.#waiting.push(admitted));
    return true;
  }

  /** Hands the place on, or frees it. */
  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#hashing--;
    else next();
  }
}
