/** How this process hashes passwords: what the configuration wants of new ones, and who computes them. */
import { randomBytes } from 'node:crypto';
import { Argon2Workers } from '../adapters/argon2/argon2-workers.ts';
import type { KnownTenants } from '../auth/anonymous-authenticator.ts';
import { DEFAULT_COST, hashPassword, SALT_BYTES } from '../auth/password-hash.ts';
import type { PasswordCost, PasswordHash } from '../auth/password-hash.ts';
import { PASSWORD_VERIFIER_DEFAULTS, PasswordVerifier } from '../auth/password-verifier.ts';
import type { AuthConfig } from './auth-schema.ts';

const KEY_BYTES = 32;

function wantedCost({ passwords }: Pick<AuthConfig, 'passwords'>): PasswordCost {
  const { algorithm, scryptLn, argon2MemoryKib, argon2Passes } = passwords;
  return algorithm === 'scrypt'
    ? { ...DEFAULT_COST, ln: scryptLn }
    : { memoryKib: argon2MemoryKib, passes: argon2Passes, lanes: 1 };
}

export class PasswordHashing {
  /** Of new passwords. */
  readonly wanted: PasswordCost;
  readonly verifier: PasswordVerifier;
  /** A hash that no password has. */
  readonly decoy: PasswordHash;
  readonly #argon2: Argon2Workers;

  /** `tenants`: those that there are; default: nobody logs in. */
  static async open(config: Pick<AuthConfig, 'passwords'>, tenants?: KnownTenants): Promise<PasswordHashing> {
    const argon2 = new Argon2Workers(PASSWORD_VERIFIER_DEFAULTS.hashesAtATime);
    const wanted = wantedCost(config);
    const nobodys = randomBytes(KEY_BYTES);
    const decoy = await hashPassword(nobodys, randomBytes(SALT_BYTES), wanted, argon2.derive);
    return new PasswordHashing(wanted, decoy, argon2, tenants);
  }

  private constructor(
    wanted: PasswordCost,
    decoy: PasswordHash,
    argon2: Argon2Workers,
    tenants: KnownTenants | undefined,
  ) {
    this.wanted = wanted;
    this.decoy = decoy;
    this.#argon2 = argon2;
    this.verifier = new PasswordVerifier({
      ...PASSWORD_VERIFIER_DEFAULTS,
      cacheKey: randomBytes(KEY_BYTES),
      argon2id: argon2.derive,
      ...(tenants === undefined ? {} : { tenants }),
    });
  }

  newSalt(): Buffer {
    return randomBytes(SALT_BYTES);
  }

  /** For whoever sets a password. Rejects when it cannot be computed. */
  hash(password: Buffer, cost = this.wanted): Promise<PasswordHash> {
    return hashPassword(password, this.newSalt(), cost, this.#argon2.derive);
  }

  close(): Promise<void> {
    return this.#argon2.close();
  }
}
