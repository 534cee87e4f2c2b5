/** What every password hash in PHC string format ends with: salt and hash, base64 without padding. */

export interface SaltedHash {
  readonly salt: Buffer;
  readonly hash: Buffer;
}

const BYTES_MIN = 16;
const BYTES_MAX = 64;

export function isSaltAndHash({ salt, hash }: SaltedHash): boolean {
  return [salt, hash].every((bytes) => bytes.length >= BYTES_MIN && bytes.length <= BYTES_MAX);
}

export function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}
