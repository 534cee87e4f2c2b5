/** How this process hashes passwords: what the configuration wants of new ones, and who computes them. */
import { randomBytes } from 'node:crypto';
import { Argon2Workers } from '../adapters/argon2/argon2-workers.ts';
import { DEFAULT_COST, hashPassword, SALT_BYTES } from '../auth/password-hash.ts';
import type { PasswordCost, PasswordHash } from '../auth/password-hash.ts';
import { PASSWORD_VERIFIER_DEFAULTS, PasswordVerifier } from '../auth/password-verifier.ts';
import type { AuthConfig } from './auth-schema.ts';

const KEY_BYTES = 32;

export function wantedCost({ passwords }: Pick<AuthConfig, 'passwords'>): PasswordCost {
  const { algorithm, scryptLn, argon2MemoryKib, argon2Passes } = passwords;
  return algorithm === 'scrypt'
    ? { ...DEFAULT_COST, ln: scryptLn }
    : { memoryKib: argon2MemoryKib, passes: argon2Passes, lanes: 1 };
}

export class PasswordHashing {
  readonly verifier: PasswordVerifier;
  readonly #argon2: Argon2Workers;

  constructor() {
    this.#argon2 = new Argon2Workers(PASSWORD_VERIFIER_DEFAULTS.hashesAtATime);
    this.verifier = new PasswordVerifier({
      ...PASSWORD_VERIFIER_DEFAULTS,
      cacheKey: randomBytes(KEY_BYTES),
      argon2id: this.#argon2.derive,
    });
  }

  newSalt(): Buffer {
    return randomBytes(SALT_BYTES);
  }

  /** Rejects when it cannot be computed. */
  hash(password: Buffer, cost: PasswordCost): Promise<PasswordHash> {
    return hashPassword(password, this.newSalt(), cost, this.#argon2.derive);
  }

  /** A hash that no password has. */
  decoy(cost: PasswordCost): Promise<PasswordHash> {
    return this.hash(randomBytes(KEY_BYTES), cost);
  }

  close(): Promise<void> {
    return this.#argon2.close();
  }
}
