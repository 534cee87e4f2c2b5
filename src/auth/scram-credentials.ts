/**
 * What a server keeps of a password for SCRAM-SHA-256 (RFC 5802, 7677): nobody can log in with it, but it verifies who can. As
 * text `SCRAM-SHA-256$4096:salt$storedKey:serverKey`, the notation of RFC 5803 as PostgreSQL writes it.
 */
import { createHash, createHmac, pbkdf2 } from 'node:crypto';

export interface ScramCredentials {
  readonly iterations: number;
  readonly salt: Buffer;
  /** H(ClientKey): recognises the key that a client's proof contains. */
  readonly storedKey: Buffer;
  /** Signs for the server: it knows the password too. */
  readonly serverKey: Buffer;
}

/** The least that RFC 7677 allows. */
export const ITERATIONS_MIN = 4_096;
/** The client pays for them, at every login. */
export const ITERATIONS_MAX = 1_000_000;
export const SCRAM_SALT_BYTES = 16;
const SALT_BYTES_MAX = 64;
const KEY_BYTES = 32;

const SYNTAX = /^SCRAM-SHA-256\$(\d{1,7}):([A-Za-z0-9+/]+={0,2})\$([A-Za-z0-9+/]{43}=):([A-Za-z0-9+/]{43}=)$/;

/** undefined: not of this format, or out of bounds. */
export function parseScramCredentials(text: string): ScramCredentials | undefined {
  const [, iterationsText, saltText, storedKey, serverKey] = SYNTAX.exec(text) ?? [];
  if (saltText === undefined || storedKey === undefined || serverKey === undefined) return undefined;
  const iterations = Number(iterationsText);
  if (iterations < ITERATIONS_MIN || iterations > ITERATIONS_MAX) return undefined;
  const salt = Buffer.from(saltText, 'base64');
  if (salt.length < SCRAM_SALT_BYTES || salt.length > SALT_BYTES_MAX) return undefined;
  return {
    iterations,
    salt,
    storedKey: Buffer.from(storedKey, 'base64'),
    serverKey: Buffer.from(serverKey, 'base64'),
  };
}

export function formatScramCredentials(credentials: ScramCredentials): string {
  const text = (part: 'salt' | 'storedKey' | 'serverKey'): string => credentials[part].toString('base64');
  return `SCRAM-SHA-256$${credentials.iterations}:${text('salt')}$${text('storedKey')}:${text('serverKey')}`;
}

/** `password`: prepared by `saslPrepared`; `salt`: random bytes. */
export async function deriveScramCredentials(
  password: string,
  salt: Buffer,
  iterations: number,
): Promise<ScramCredentials> {
  const salted = await saltedPassword(password, salt, iterations);
  return {
    iterations,
    salt,
    storedKey: sha256(hmac(salted, 'Client Key')),
    serverKey: hmac(salted, 'Server Key'),
  };
}

/**
 * For a user who has none, so that asking does not tell who has: the same at every question, of no password.
 * `secret`: known to the installation only, and to all of it.
 */
export function decoyScramCredentials(secret: Buffer, user: string, iterations: number): ScramCredentials {
  const part = (name: string): Buffer => hmac(secret, `${name}\0${user}`);
  return {
    iterations,
    salt: part('salt').subarray(0, SCRAM_SALT_BYTES),
    storedKey: part('stored key'),
    serverKey: part('server key'),
  };
}

/** Hi() of RFC 5802, section 2.2: what the keys of both sides are made from. */
export function saltedPassword(password: string, salt: Buffer, iterations: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    pbkdf2(password, salt, iterations, KEY_BYTES, 'sha256', (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}

export function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

export function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}
