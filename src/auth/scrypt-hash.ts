/**
 * scrypt (RFC 7914) in PHC string format, `$scrypt$ln=15,r=8,p=1$salt$hash`. It runs on the thread pool and takes 128·2^ln·r bytes
 * of memory; who calls bounds how many at once.
 */
import { scrypt } from 'node:crypto';
import { isSaltAndHash, unpadded, type SaltedHash } from './salted-hash.ts';

export interface ScryptCost {
  /** Logarithm of the cost: 2^ln rounds. */
  readonly ln: number;
  readonly r: number;
  readonly p: number;
}

export interface ScryptHash extends ScryptCost, SaltedHash {}

/** 32 MiB and 50 to 150 ms of one core. */
export const SCRYPT_LN = 15;

// Below, a hash is not worth the name; above, one login could exhaust the machine.
export const LN_MIN = 10;
export const LN_MAX = 20;
const R_MAX = 16;
const P_MAX = 4;

const SYNTAX = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;

/** undefined: not of this format, or with a cost out of bounds. */
export function parseScryptHash(text: string): ScryptHash | undefined {
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

export function formatScryptHash({ ln, r, p, salt, hash }: ScryptHash): string {
  return `$scrypt$ln=${ln},r=${r},p=${p}$${unpadded(salt)}$${unpadded(hash)}`;
}

export function deriveScrypt(
  password: Buffer,
  salt: Buffer,
  { ln, r, p }: ScryptCost,
  bytes: number,
): Promise<Buffer> {
  const cost = 2 ** ln;
  return new Promise((resolve, reject) => {
    // Node wants more than the 128·cost·r bytes that the algorithm names.
    const options = { cost, blockSize: r, parallelization: p, maxmem: 256 * cost * r * p };
    scrypt(password, salt, bytes, options, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}

function isWithinBounds({ ln, r, p, salt, hash }: ScryptHash): boolean {
  if (ln < LN_MIN || ln > LN_MAX || r < 1 || r > R_MAX || p < 1 || p > P_MAX) return false;
  return isSaltAndHash({ salt, hash });
}
