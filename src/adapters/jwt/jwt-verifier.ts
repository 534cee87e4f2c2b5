/** Verifies tokens (JWT, RFC 7519) with a shared secret or with public keys (JWKS, RFC 7517). Tokens without an end are refused. */
import { createLocalJWKSet, errors, jwtVerify, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import type { TokenVerdict } from '../../auth/token-authenticator.ts';
import type { Clock } from '../../time/clock.ts';

export interface JwtVerifierOptions {
  readonly clock: Clock;
  /** Keys as they are now. Rejects with `StoreUnavailableError`; `wanted`: the keys there were did not have the one. */
  readonly keys: (wanted: boolean) => Promise<JSONWebKeySet>;
  /** For HS256, HS384 and HS512; empty: none of those. */
  readonly secret: string;
  readonly algorithms: readonly string[];
  /** Empty: whoever. */
  readonly issuer: string;
  readonly audience: string;
  readonly clockToleranceS: number;
}

const DETAILS: Readonly<Record<string, string>> = {
  ERR_JWT_EXPIRED: 'it has expired',
  ERR_JWT_CLAIM_VALIDATION_FAILED: 'a claim is missing or not as it has to be',
  ERR_JWS_SIGNATURE_VERIFICATION_FAILED: 'its signature does not hold',
  ERR_JWKS_NO_MATCHING_KEY: 'no known key signed it',
  ERR_JWKS_MULTIPLE_MATCHING_KEYS: 'it does not say which key signed it',
  ERR_JOSE_ALG_NOT_ALLOWED: 'its algorithm is not allowed',
};

export class JwtVerifier {
  readonly #options: JwtVerifierOptions;
  readonly #secret: Uint8Array | undefined;
  /** Of the last keys: imported once. */
  #known: { readonly keys: JSONWebKeySet; readonly get: JWTVerifyGetKey } | undefined;

  constructor(options: JwtVerifierOptions) {
    this.#options = options;
    this.#secret = options.secret === '' ? undefined : Buffer.from(options.secret);
  }

  /** See `VerifyToken`. */
  readonly verify = async (token: string): Promise<TokenVerdict> => {
    const { clock, algorithms, issuer, audience, clockToleranceS } = this.#options;
    try {
      const { payload } = await jwtVerify(token, this.#key, {
        algorithms: [...algorithms],
        requiredClaims: ['exp'],
        clockTolerance: clockToleranceS,
        currentDate: new Date(clock.nowMs()),
        ...(issuer === '' ? {} : { issuer }),
        ...(audience === '' ? {} : { audience }),
      });
      return { valid: true, claims: payload };
    } catch (error) {
      if (!(error instanceof errors.JOSEError)) throw error;
      return { valid: false, detail: DETAILS[error.code] ?? 'it cannot be read' };
    }
  };

  /** A secret is for its own algorithms only: a public key must never pass for one. */
  readonly #key: JWTVerifyGetKey = async (header, token) => {
    if (header.alg.startsWith('HS') && this.#secret !== undefined) return this.#secret;
    try {
      return await (
        await this.#keySet(false)
      )(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      return await (
        await this.#keySet(true)
      )(header, token);
    }
  };

  async #keySet(wanted: boolean): Promise<JWTVerifyGetKey> {
    const keys = await this.#options.keys(wanted);
    if (this.#known?.keys !== keys) this.#known = { keys, get: createLocalJWKSet(keys) };
    return this.#known.get;
  }
}
