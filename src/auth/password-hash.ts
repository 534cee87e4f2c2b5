/** Passwords as the broker keeps them: hashed with scrypt or Argon2id, as PHC strings. */
import { timingSafeEqual } from 'node:crypto';
import {
  formatArgon2idHash,
  parseArgon2idHash,
  type Argon2idCost,
  type Argon2idHash,
  type DeriveArgon2id,
} from './argon2id-hash.ts';
import {
  deriveScrypt,
  formatScryptHash,
  parseScryptHash,
  SCRYPT_LN,
  type ScryptCost,
  type ScryptHash,
} from './scrypt-hash.ts';

export type PasswordHash = ScryptHash | Argon2idHash;
export type PasswordCost = ScryptCost | Argon2idCost;

export const DEFAULT_COST: ScryptCost = { ln: SCRYPT_LN, r: 8, p: 1 };
export const SALT_BYTES = 16;
const HASH_BYTES = 32;

/** undefined: of neither format, or with a cost out of bounds. */
export function parsePasswordHash(text: string): PasswordHash | undefined {
  return parseScryptHash(text) ?? parseArgon2idHash(text);
}

export function formatPasswordHash(hash: PasswordHash): string {
  return 'ln' in hash ? formatScryptHash(hash) : formatArgon2idHash(hash);
}

/** `salt`: `SALT_BYTES` random bytes. `argon2id`: for a cost of Argon2id. */
export async function hashPassword(
  password: Buffer,
  salt: Buffer,
  cost: PasswordCost = DEFAULT_COST,
  argon2id: DeriveArgon2id = notOffered,
): Promise<PasswordHash> {
  const hash = await derive(password, salt, cost, HASH_BYTES, argon2id);
  return { ...cost, salt, hash };
}

/** Takes the same time whether the password is right or not. */
export async function verifyPassword(
  password: Buffer,
  expected: PasswordHash,
  argon2id: DeriveArgon2id = notOffered,
): Promise<boolean> {
  const { salt, hash } = expected;
  return timingSafeEqual(await derive(password, salt, expected, hash.length, argon2id), hash);
}

/**
 * Whether a hash falls short of what new passwords get. Argon2id never does beside scrypt: which of both is preferred does not make
 * the other weak.
 */
export function isWeaker(hash: PasswordHash, wanted: PasswordCost): boolean {
  if ('ln' in hash) return !('ln' in wanted) || hash.ln < wanted.ln || hash.r < wanted.r;
  return !('ln' in wanted) && (hash.memoryKib < wanted.memoryKib || hash.passes < wanted.passes);
}

function derive(
  password: Buffer,
  salt: Buffer,
  cost: PasswordCost,
  bytes: number,
  argon2id: DeriveArgon2id,
): Promise<Buffer> {
  return 'ln' in cost ? deriveScrypt(password, salt, cost, bytes) : argon2id(password, salt, cost, bytes);
}

function notOffered(): Promise<never> {
  return Promise.reject(new Error('password-hash: nobody was given to compute Argon2id'));
}
