/**
 * Argon2id (RFC 9106) in PHC string format, `$argon2id$v=19$m=19456,t=2,p=1$salt$hash`. The hashing itself is passed in: it has
 * to happen beside the event loop.
 */
import { isSaltAndHash, unpadded, type SaltedHash } from './salted-hash.ts';

export interface Argon2idCost {
  readonly memoryKib: number;
  readonly passes: number;
  readonly lanes: number;
}

export interface Argon2idHash extends Argon2idCost, SaltedHash {}

/** Never blocks its caller. Rejects when the hash cannot be computed: that says nothing about the password. */
export type DeriveArgon2id = (
  password: Buffer,
  salt: Buffer,
  cost: Argon2idCost,
  bytes: number,
) => Promise<Buffer>;

/** What OWASP recommends as the least: 19 MiB, twice. */
export const ARGON2ID_MEMORY_KIB = 19_456;
export const ARGON2ID_PASSES = 2;

// As for scrypt: below it is not worth the name, above one login could exhaust the machine.
export const MEMORY_KIB_MIN = 1_024;
export const MEMORY_KIB_MAX = 256 * 1_024;
export const PASSES_MAX = 16;
const LANES_MAX = 4;

const SYNTAX = /^\$argon2id\$v=19\$m=(\d{1,6}),t=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;

/** undefined: not of this format, or with a cost out of bounds. */
export function parseArgon2idHash(text: string): Argon2idHash | undefined {
  const [, memory, passes, lanes, salt, hash] = SYNTAX.exec(text) ?? [];
  if (salt === undefined || hash === undefined) return undefined;
  const parsed = {
    memoryKib: Number(memory),
    passes: Number(passes),
    lanes: Number(lanes),
    salt: Buffer.from(salt, 'base64'),
    hash: Buffer.from(hash, 'base64'),
  };
  return isWithinBounds(parsed) ? parsed : undefined;
}

export function formatArgon2idHash({ memoryKib, passes, lanes, salt, hash }: Argon2idHash): string {
  return `$argon2id$v=19$m=${memoryKib},t=${passes},p=${lanes}$${unpadded(salt)}$${unpadded(hash)}`;
}

function isWithinBounds({ memoryKib, passes, lanes, salt, hash }: Argon2idHash): boolean {
  if (memoryKib < MEMORY_KIB_MIN || memoryKib > MEMORY_KIB_MAX) return false;
  if (passes < 1 || passes > PASSES_MAX || lanes < 1 || lanes > LANES_MAX) return false;
  return isSaltAndHash({ salt, hash });
}
