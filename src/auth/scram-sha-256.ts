/**
 * The server's side of one SCRAM-SHA-256 exchange (RFC 5802, 7677): texts in, texts out. It looks up no user and makes no random
 * numbers, and it does the same work whether the user exists or not. Channel binding is not offered.
 */
import { timingSafeEqual } from 'node:crypto';
import { hmac, sha256, type ScramCredentials } from './scram-credentials.ts';
import { parseClientFinal, parseClientFirst, type ClientFirst } from './scram-message.ts';

export const SCRAM_SHA_256 = 'SCRAM-SHA-256';

/** malformed: it is not SCRAM, or not as it is offered here. */
export type ScramFault = 'malformed' | 'wrongProof';

export type ScramStep =
  | { readonly outcome: 'continue'; readonly message: string }
  /** The client knows the password; `message` proves that the server knows it too. */
  | { readonly outcome: 'proven'; readonly message: string }
  | { readonly outcome: 'refused'; readonly fault: ScramFault; readonly detail: string };

export interface ScramOptions {
  /** Of the user of that name, or made up for one who is not known. Called once. */
  readonly credentialsOf: (userName: string) => ScramCredentials;
  /** Printable ASCII without a comma, from a good random source. */
  readonly nonce: string;
}

interface Challenge {
  readonly first: ClientFirst;
  readonly credentials: ScramCredentials;
  readonly nonce: string;
  readonly message: string;
}

export class ScramExchange {
  readonly #options: ScramOptions;
  #challenge: Challenge | undefined;

  constructor(options: ScramOptions) {
    this.#options = options;
  }

  /** The client-first message, then the client-final message. */
  step(message: string): ScramStep {
    return this.#challenge === undefined ? this.#begin(message) : this.#finish(message, this.#challenge);
  }

  #begin(text: string): ScramStep {
    const first = parseClientFirst(text);
    if (first === undefined) return malformed('is no client-first message of SCRAM');
    if (first.bindsChannel) return malformed('channel binding is not offered');
    if (first.actsAs !== undefined && first.actsAs !== first.userName)
      return malformed('acting as another user is not offered');
    const credentials = this.#options.credentialsOf(first.userName);
    const nonce = first.nonce + this.#options.nonce;
    const message = `r=${nonce},s=${credentials.salt.toString('base64')},i=${credentials.iterations}`;
    this.#challenge = { first, credentials, nonce, message };
    return { outcome: 'continue', message };
  }

  #finish(text: string, { first, credentials, nonce, message }: Challenge): ScramStep {
    const final = parseClientFinal(text);
    if (final === undefined) return malformed('is no client-final message of SCRAM');
    // Without channel binding it repeats the header, so that nobody between them could have changed `y` into `n`.
    if (!final.channelBinding.equals(Buffer.from(first.gs2Header))) return malformed('has another header');
    if (final.nonce !== nonce) return malformed('has another nonce');
    const { storedKey, serverKey } = credentials;
    const authMessage = `${first.bare},${message},${final.withoutProof}`;
    const clientSignature = hmac(storedKey, authMessage);
    const serverSignature = hmac(serverKey, authMessage);
    if (final.proof.length !== clientSignature.length) return malformed('has a proof of another length');
    const clientKey = Buffer.from(clientSignature.map((byte, index) => byte ^ final.proof.readUInt8(index)));
    if (!timingSafeEqual(sha256(clientKey), storedKey))
      return { outcome: 'refused', fault: 'wrongProof', detail: 'unknown user or wrong password' };
    return { outcome: 'proven', message: `v=${serverSignature.toString('base64')}` };
  }
}

function malformed(detail: string): ScramStep {
  return { outcome: 'refused', fault: 'malformed', detail };
}
