/** The client's side of SCRAM-SHA-256, written from RFC 5802 for itself: shares nothing with the broker's. */
import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';

export interface ScramClientOptions {
  readonly userName: string;
  readonly password: string;
  readonly gs2Header?: string;
  readonly nonce?: string;
}

const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
const base64 = (bytes: Buffer | string): string => Buffer.from(bytes).toString('base64');

export class ScramClient {
  readonly #password: string;
  readonly #gs2Header: string;
  readonly #bare: string;
  #serverSignature = '';

  constructor({
    userName,
    password,
    gs2Header = 'n,,',
    nonce = base64(randomBytes(18)),
  }: ScramClientOptions) {
    this.#password = password;
    this.#gs2Header = gs2Header;
    this.#bare = `n=${userName.replaceAll('=', '=3D').replaceAll(',', '=2C')},r=${nonce}`;
  }

  get first(): Buffer {
    return Buffer.from(this.#gs2Header + this.#bare);
  }

  /** The client-final message that answers a server-first message. */
  final(serverFirst: Buffer): Buffer {
    const { nonce, salt, iterations } = challengeOf(serverFirst);
    const salted = pbkdf2Sync(this.#password, salt, iterations, 32, 'sha256');
    const clientKey = hmac(salted, 'Client Key');
    const storedKey = createHash('sha256').update(clientKey).digest();
    const withoutProof = `c=${base64(this.#gs2Header)},r=${nonce}`;
    const authMessage = `${this.#bare},${serverFirst.toString()},${withoutProof}`;
    const signature = hmac(storedKey, authMessage);
    const proof = clientKey.map((byte, index) => byte ^ (signature[index] ?? 0));
    this.#serverSignature = base64(hmac(hmac(salted, 'Server Key'), authMessage));
    return Buffer.from(`${withoutProof},p=${base64(Buffer.from(proof))}`);
  }

  /** Whether the server-final message proves that the server knows the password. */
  accepts(serverFinal: Buffer | undefined): boolean {
    return serverFinal?.toString() === `v=${this.#serverSignature}`;
  }
}

export interface Challenge {
  readonly nonce: string;
  readonly salt: Buffer;
  readonly iterations: number;
}

/** What a server-first message says. */
export function challengeOf(serverFirst: Buffer): Challenge {
  const [, nonce, salt, iterations] = /^r=([^,]+),s=([^,]+),i=(\d+)$/.exec(serverFirst.toString()) ?? [];
  if (nonce === undefined || salt === undefined) throw new Error(`no challenge: ${serverFirst.toString()}`);
  return { nonce, salt: Buffer.from(salt, 'base64'), iterations: Number(iterations) };
}
