/**
 * Passwords as scrypt hashes (RFC 7914) in PHC string format, `$scrypt$ln=15,r=8,p=1$salt$hash`, base64 without
 * padding. Hashing runs on the thread pool and takes 128·2^ln·r bytes of memory; who calls bounds how many at once.
 */
import { scrypt, timingSafeEqual } from 'node:crypto';

export interface PasswordHash {
  /** Logarithm of the cost: 2^ln rounds. */
  readonly ln: number;
  readonly r: number;
  readonly p: number;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

export type ScryptCost = Pick<PasswordHash, 'ln' | 'r' | 'p'>;

/** 32 MiB and 50 to 150 ms of one core. */
export const DEFAULT_COST: ScryptCost = { ln: 15, r: 8, p: 1 };
export const SALT_BYTES = 16;
const HASH_BYTES = 32;

// Below, a hash is not worth the name; above, one login could exhaust the machine.
export const LN_MIN = 10;
export const LN_MAX = 20;
const R_MAX = 16;
const P_MAX = 4;
const BYTES_MIN = 16;
const BYTES_MAX = 64;

const SYNTAX = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;

/** undefined: not of this format, or with a cost out of bounds. */
export function parsePasswordHash(text: string): PasswordHash | undefined {
  const [, ln, r, p, salt, hash] = SYNTAX.exec(text) ?? [];
  if (salt === undefined || hash === undefined) return undefined;
  const parsed = {
    ln: Number(ln),
    r: Number(r),
    p: Number(p),
    salt: Buffer.from(salt, 'base64'),
    hash: Buffer.from(hash, 'base64'),
  };
  return isWithinBounds(parsed) ? parsed : undefined;
}

export function formatPasswordHash({ ln, r, p, salt, hash }: PasswordHash): string {
  return `$scrypt$ln=${ln},r=${r},p=${p}$${unpadded(salt)}$${unpadded(hash)}`;
}

/** `salt`: `SALT_BYTES` random bytes. */
export async function hashPassword(
  password: Buffer,
  salt: Buffer,
  cost: ScryptCost = DEFAULT_COST,
): Promise<PasswordHash> {
  const { ln, r, p } = cost;
  return { ln, r, p, salt, hash: await derive(password, { ln, r, p, salt }, HASH_BYTES) };
}

/** Takes the same time whether the password is right or not. */
export async function verifyPassword(password: Buffer, expected: PasswordHash): Promise<boolean> {
  return timingSafeEqual(await derive(password, expected, expected.hash.length), expected.hash);
}

function derive(password: Buffer, hash: Omit<PasswordHash, 'hash'>, bytes: number): Promise<Buffer> {
  const { ln, r, p, salt } = hash;
  const cost = 2 ** ln;
  return new Promise((resolve, reject) => {
    // Node wants more than the 128·cost·r bytes that the algorithm names.
    scrypt(
      password,
      salt,
      bytes,
      { cost, blockSize: r, parallelization: p, maxmem: 256 * cost * r * p },
      (error, key) => {
        if (error === null) resolve(key);
        else reject(error);
      },
    );
  });
}

function isWithinBounds({ ln, r, p, salt, hash }: PasswordHash): boolean {
  if (ln < LN_MIN || ln > LN_MAX || r < 1 || r > R_MAX || p < 1 || p > P_MAX) return false;
  return [salt, hash].every((bytes) => bytes.length >= BYTES_MIN && bytes.length <= BYTES_MAX);
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}
